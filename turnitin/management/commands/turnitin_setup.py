"""`manage.py turnitin_setup`: get ready for Turnitin's Core API, and see whether everything is."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from autonomy.telemetry.redaction import redact
from turnitin.core_api.client import CoreApi
from turnitin.core_api.setup import Setup


class Command(BaseCommand):
    help = "Check the key, the repositories and the licence at Turnitin, and register the webhook."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--accept-licence", default="", metavar="VERSION", help="Accept this version, which must be the newest."
        )
        parser.add_argument("--as", default="", dest="accepted_by", metavar="NAME", help="Who accepts it.")
        parser.add_argument(
            "--renew-webhook", action="store_true", help="Register it again: for a new secret, or other events."
        )

    def handle(self, *args: Any, accept_licence: str, accepted_by: str, renew_webhook: bool, **options: Any) -> None:
        if settings.ENV.turnitin_mode != "core_api":
            raise CommandError(
                f"TURNITIN_MODE is {settings.ENV.turnitin_mode}: people hand the documents in. To have Autonomy do it, "
                "set TURNITIN_MODE=core_api, TURNITIN_BASE_URL and TURNITIN_API_KEY."
            )
        if bool(accept_licence) != bool(accepted_by.strip()):
            raise CommandError('A licence is accepted by somebody: --accept-licence VERSION --as "your name".')
        setup = Setup(CoreApi.configured(), lambda line: self.stdout.write(redact(line)))
        setup.run(accept=accept_licence, accepted_by=accepted_by.strip()[:200], renew_webhook=renew_webhook)
        if setup.obstacles:
            raise CommandError(redact("\n".join(setup.obstacles)))
        self.stdout.write(self.style.SUCCESS("Ready: documents are handed in through the Core API."))

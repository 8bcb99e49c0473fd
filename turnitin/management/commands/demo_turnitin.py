"""`manage.py demo_turnitin`: the demo with a played Turnitin, whose webhooks get lost and come too often."""

from __future__ import annotations

import base64
import os
import secrets
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from autonomy.management import own_folder
from turnitin.stage import TurnitinStage

WORDS = 450
SIMILARITIES = (0.31, 0.09)
LICENCE = "v1beta"
COPIES = 3
# What would lead somewhere else than to the stage.
ELSEWHERE = ("TURNITIN_", "OPENAI_", "AUTONOMY_LANGUAGE_MODELS", "OTEL_", "DATABASE_URL", "REDIS_URL")


class Command(BaseCommand):
    help = "Write one document and have it scanned, twice, by a Turnitin that is played on this machine."

    def handle(self, *args: Any, **options: Any) -> None:
        data_dir = settings.DATA_DIR / "demo-turnitin"
        own_folder.clear(data_dir)
        key = secrets.token_urlsafe(16)
        with TurnitinStage(key=key, similarities=list(SIMILARITIES), process_seconds=0.5, scan_seconds=1.5) as stage:
            stage.require_eula(LICENCE)
            stage.fail("POST /submissions", 429)
            environment = _environment(os.environ, stage.base_url, key, data_dir)
            self._manage(environment, "migrate", "--verbosity", "0")
            self._tell("Turnitin is played on this machine. It is set up first:\n")
            self._manage(environment, "turnitin_setup", "--accept-licence", LICENCE, "--as", "demo")
            self._tell(
                "\nThe first document is refused once (HTTP 429). The first scan's webhooks get lost, those of\n"
                f"the second come {COPIES} times, out of order. The sources that are found do not exist; one has\n"
                "HTML for a name.\n"
            )
            code = self._demo(environment, stage)
            self._tell(f"scans:     {stage.scans} paid for {len(stage.submissions)} documents")
            # What comes after the end finds no web server any more.
            answers = Counter(one.status for one in stage.webhooks.delivered if one.status)
            counted = ", ".join(f"{number} answered with {status}" for status, number in sorted(answers.items()))
            self._tell(f"webhooks:  {counted or 'none'}")
            if code == 0 and stage.scans != len(SIMILARITIES):
                raise CommandError("A hand-off is scanned once, and no more.")
        if code:
            raise CommandError("The run did not come through.", returncode=code)

    def _demo(self, environment: Mapping[str, str], stage: TurnitinStage) -> int:
        """The demo in a process of its own, on a database of its own."""
        stage.webhooks.lost = True
        command = ["demo", "--core-api", "--calls", "--words", str(WORDS)]
        process = subprocess.Popen(_manage(*command), env=environment)  # noqa: S603
        while True:
            try:
                return process.wait(0.1)
            except subprocess.TimeoutExpired:
                if stage.scans == len(SIMILARITIES) and stage.webhooks.lost:
                    stage.webhooks.lost, stage.webhooks.copies, stage.webhooks.order = False, COPIES, "shuffled"
                    stage.webhooks.hold_seconds = 0.3
            except KeyboardInterrupt:
                continue  # it has heard it too, and stops what it started

    def _manage(self, environment: Mapping[str, str], *command: str) -> None:
        if code := subprocess.call(_manage(*command), env=environment):  # noqa: S603
            raise CommandError(f"{command[0]} did not succeed.", returncode=code)

    def _tell(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def _manage(*command: str) -> list[str]:
    return [sys.executable, str(settings.BASE_DIR / "manage.py"), *command]


def _environment(base: Mapping[str, str], address: str, key: str, data_dir: Path) -> dict[str, str]:
    """`base`, changed so that nothing but the stage is asked and nothing but this data folder is used."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    kept = {name: value for name, value in base.items() if not name.startswith(ELSEWHERE)}
    return kept | {
        "DATA_DIR": str(data_dir),
        "TURNITIN_MODE": "core_api",
        "TURNITIN_BASE_URL": address,
        "TURNITIN_API_KEY": key,
        "TURNITIN_WEBHOOK_URL": f"http://127.0.0.1:{port}/api/v2/turnitin/webhook",
        "TURNITIN_WEBHOOK_SECRET": base64.b64encode(secrets.token_bytes(32)).decode(),
        "TURNITIN_POLL_SECONDS": "2",
    }

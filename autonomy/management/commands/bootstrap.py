"""`manage.py bootstrap`: the first staff account and its API token, made once."""

from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction
from rest_framework.authtoken.models import Token


class Command(BaseCommand):
    help = "Make the first staff account with a random password and an API token, and print both."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--username", default="staff", help="Name of the account (default: staff).")
        parser.add_argument(
            "--show-token",
            action="store_true",
            help="Print the API token of an existing account too; with the embedded database it always is.",
        )

    def handle(self, *args: Any, username: str, show_token: bool, **options: Any) -> None:
        password = secrets.token_urlsafe(12)
        with transaction.atomic():
            user, is_new = User.objects.get_or_create(
                username=username,
                defaults={"password": make_password(password), "is_staff": True, "is_superuser": True},
            )
            token, _ = Token.objects.get_or_create(user=user)
        if is_new:
            self.stdout.write(f"staff login: {username} / {password}")
        else:
            self.stdout.write(
                f"staff login: {username} (password was shown at the first start; manage.py changepassword {username})"
            )
        if is_new or show_token or settings.EMBEDDED.postgres:
            self.stdout.write(f"api token: {token.key}")
        else:
            self.stdout.write("api token: as before (manage.py bootstrap --show-token)")

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.apps import apps
from django.contrib.auth.models import AbstractUser, Group, Permission
from django.test import Client
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from autonomy.groups import give
from autonomy.tests.factories import UserFactory


def client_of(user: AbstractUser) -> APIClient:
    """A client of the API with the user's token."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {Token.objects.get_or_create(user=user)[0].key}")
    return client


def staff(*permissions: str) -> Client:
    """A browser in which somebody of the staff with these permissions is logged in."""
    user = UserFactory(is_staff=True)
    for name in permissions:
        app, codename = name.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    client = Client()
    client.force_login(user)
    return client


def member(*groups: str, **fields: Any) -> Client:
    """A browser in which somebody of the staff is logged in who is in these groups of the migrations, and in no other.

    The groups are given what is theirs once more: a test that empties the database may have run before.
    """
    for name in ("autonomy.migrations.0009_groups", "turnitin.migrations.0004_groups"):
        permissions = {group: given for group, given in import_module(name).PERMISSIONS.items() if group in groups}
        give(apps, "default", permissions)
    user = UserFactory(**{"is_staff": True} | fields)
    user.groups.set(Group.objects.filter(name__in=groups))
    client = Client()
    client.force_login(user)
    return client

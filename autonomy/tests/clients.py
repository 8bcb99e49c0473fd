from __future__ import annotations

from django.contrib.auth.models import AbstractUser, Permission
from django.test import Client
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

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

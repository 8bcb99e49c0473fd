"""The groups that come with the system: what the migrations give, and what they leave alone."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from autonomy.groups import ADMINISTRATOR, OPERATOR, UPLOADER, VIEWER, give

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE = [("autonomy", "0007_reserved_spend"), ("turnitin", "0003_strict_cycles")]
VIEW = {
    *(f"autonomy.view_{name}" for name in ("run", "job", "episode", "checkpoint", "source", "passage", "providercall")),
    *(f"turnitin.view_{name}" for name in ("cycle", "report", "submission")),
}
OPERATE = {
    *(f"autonomy.{name}" for name in ("add_run", "cancel_run", "retry_run", "raise_budget", "fork_run")),
    "autonomy.schedule_run",
    "autonomy.change_providercall",
}
UPLOAD = {"autonomy.view_run", "turnitin.view_cycle", "turnitin.deliver_report"}
PEOPLE = {
    *(f"auth.{may}_{what}" for may in ("add", "change", "delete", "view") for what in ("user", "group")),
    *(f"authtoken.{may}_tokenproxy" for may in ("add", "delete", "view")),
}
EXPECTED = {
    VIEWER: VIEW,
    OPERATOR: VIEW | OPERATE,
    UPLOADER: UPLOAD,
    ADMINISTRATOR: VIEW | OPERATE | UPLOAD | PEOPLE,
}


@pytest.fixture
def before() -> Iterator[None]:
    """A database as it was, without groups, and without the permissions that Django makes after migrations."""
    migrate(BEFORE)
    Group.objects.all().delete()
    Permission.objects.all().delete()
    yield
    call_command("migrate", verbosity=0)


def migrate(to: list[tuple[str, str]]) -> None:
    MigrationExecutor(connection).migrate(to)


def newest() -> list[tuple[str, str]]:
    return [node for node in MigrationExecutor(connection).loader.graph.leaf_nodes() if node[0] in apps.app_configs]


def held(name: str) -> set[str]:
    found = Permission.objects.filter(group__name=name).values_list("content_type__app_label", "codename")
    return {f"{app}.{codename}" for app, codename in found}


@pytest.mark.usefixtures("before")
def test_a_new_system_has_four_groups_before_django_makes_any_permission() -> None:
    migrate(newest())
    assert {group.name: held(group.name) for group in Group.objects.all()} == EXPECTED


@pytest.mark.usefixtures("before")
def test_permissions_are_made_once_and_have_their_own_names() -> None:
    migrate(newest())
    call_command("migrate", verbosity=0)
    named = Permission.objects.values_list("content_type", "codename")
    assert len(named) == len(set(named))
    assert Permission.objects.get(codename="raise_budget").name == "Can raise the limits of a run"
    assert Permission.objects.get(codename="add_tokenproxy").content_type.model == "tokenproxy"


@pytest.mark.usefixtures("before")
def test_there_back_and_there_again_is_the_same() -> None:
    migrate(newest())
    migrate(BEFORE)
    assert {group.name: held(group.name) for group in Group.objects.all()} == EXPECTED, "nothing is taken"
    migrate(newest())
    assert {group.name: held(group.name) for group in Group.objects.all()} == EXPECTED


@pytest.mark.usefixtures("before")
def test_a_group_that_somebody_made_before_is_extended_and_never_emptied() -> None:
    call_command("migrate", "contenttypes", verbosity=0)
    give(apps, "default", {UPLOADER: ["auth.view_user"], "Librarians": ["autonomy.view_run"]})
    migrate(newest())
    assert held(UPLOADER) == UPLOAD | {"auth.view_user"}
    assert held("Librarians") == {"autonomy.view_run"}


@pytest.mark.usefixtures("before")
def test_what_somebody_changes_in_a_group_stays_at_the_next_migrate() -> None:
    migrate(newest())
    operator = Group.objects.get(name=OPERATOR)
    operator.permissions.remove(Permission.objects.get(codename="cancel_run"))
    Group.objects.get(name=VIEWER).delete()
    call_command("migrate", verbosity=0)
    assert held(OPERATOR) == EXPECTED[OPERATOR] - {"autonomy.cancel_run"}
    assert not Group.objects.filter(name=VIEWER).exists()


def test_a_permission_that_is_not_there_is_an_error_and_not_a_gap() -> None:
    with pytest.raises(LookupError, match=r"autonomy\.fly"):
        give(apps, "default", {"Pilots": ["autonomy.fly"]})


def test_the_permissions_of_the_migrations_are_those_that_are_installed() -> None:
    """A typing error would be told here, and not to whoever migrates."""
    for name in ("autonomy.migrations.0009_groups", "turnitin.migrations.0004_groups"):
        migration: Any = import_module(name)
        give(apps, "default", migration.PERMISSIONS)

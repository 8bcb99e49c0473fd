"""The groups that come with the system, and how a migration gives them permissions.

Each app's migration gives what belongs to it. Once given, a group is the operator's: later migrations give what is new,
and take nothing away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.auth.management import create_permissions

VIEWER, OPERATOR, UPLOADER, ADMINISTRATOR = "Viewer", "Operator", "Uploader", "Administrator"


def give(apps: Any, using: str, permissions: Mapping[str, Iterable[str]]) -> None:
    """Add permissions, `app.codename`, to groups by their names; a group that is not there is made.

    `apps` is a registry, a migration's or the one that is installed. Raises LookupError for a permission there is not.
    """
    group_model, permission_model = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    given = {name: frozenset(wanted) for name, wanted in permissions.items()}
    for label in sorted({one.partition(".")[0] for wanted in given.values() for one in wanted}):
        _make_permissions(apps, using, label)
    for name, wanted in given.items():
        group, _ = group_model.objects.using(using).get_or_create(name=name)
        found = []
        for one in sorted(wanted):
            label, _, codename = one.partition(".")
            named = permission_model.objects.using(using).filter(content_type__app_label=label, codename=codename)
            if not named:
                raise LookupError(f"There is no permission {one}.")
            found += named
        group.permissions.add(*found)


def _make_permissions(apps: Any, using: str, label: str) -> None:
    """Django makes them after all migrations, and only for apps that have a module of models, as those of a migration
    have not.
    """
    config = apps.get_app_config(label)
    before = getattr(config, "models_module", None)
    config.models_module = before or True
    try:
        create_permissions(config, verbosity=0, interactive=False, using=using, apps=apps)
    finally:
        config.models_module = before

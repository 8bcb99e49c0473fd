"""The journeys there are. Others join through AUTONOMY_JOURNEYS: modules with a list `JOURNEYS`."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from django.conf import settings

from autonomy.errors import UnknownJourney
from autonomy.journeys.form import fitted
from autonomy.journeys.journey import Journey, TaskSpec


@cache
def journeys() -> dict[str, Journey]:
    return {one.name: one for module in settings.AUTONOMY_JOURNEYS for one in import_module(module).JOURNEYS}


def journey_named(name: str) -> Journey:
    """Raises UnknownJourney."""
    try:
        return journeys()[name]
    except KeyError:
        raise UnknownJourney(journeys=sorted(journeys())) from None


def validated(journey: Journey, task_spec: dict[str, Any], where: str = "task_spec") -> TaskSpec:
    """The task spec in the journey's form. Raises InvalidInput; details have a list of messages for each field."""
    return fitted(journey.task_spec, task_spec, where, "The task spec does not fit; details name the fields to mend.")

"""The journeys there are. Others join through AUTONOMY_JOURNEYS: modules with a list `JOURNEYS`."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from django.conf import settings
from pydantic import ValidationError

from autonomy.errors import InvalidInput, UnknownJourney
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


def validated(journey: Journey, task_spec: dict[str, Any]) -> TaskSpec:
    """The task spec in the journey's form. Raises InvalidInput; details have a list of messages for each field."""
    try:
        return journey.task_spec.model_validate(task_spec)
    except ValidationError as error:
        fields: dict[str, list[str]] = {}
        for one in error.errors(include_input=False, include_url=False):
            where = ".".join(["task_spec", *map(str, one["loc"])])
            fields.setdefault(where, []).append(_hint(where, one["msg"]))
        raise InvalidInput("The task spec does not fit; details name the fields to mend.", fields=fields) from None


def _hint(field: str, message: str) -> str:
    if field.endswith("target_similarity") and "less than or equal to 1" in message:
        return "Similarity is a fraction from 0 to 1: write 0.15 for 15 percent."
    if message == "Extra inputs are not permitted":
        return "There is no such field."
    return f"{message}."

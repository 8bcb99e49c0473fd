"""Panels that other apps add to a run's page: autonomy offers the place and knows none of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from autonomy.models import Run


@dataclass(frozen=True)
class Panel:
    """`card` is the template of a section on the overview, with the context `panel` that `read` gives.

    `read` gives None to stay away from this reader.
    """

    card: str
    read: Callable[[HttpRequest, Run], dict[str, Any] | None]


PANELS: list[Panel] = []


def panels_for(request: HttpRequest, run: Run) -> list[dict[str, Any]]:
    found = ((panel, panel.read(request, run)) for panel in PANELS)
    return [{"card": panel.card, **context} for panel, context in found if context is not None]

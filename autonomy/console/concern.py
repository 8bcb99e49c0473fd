"""What needs a person: the lists that open the home page. Autonomy has its own, other apps add theirs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from django.http import HttpRequest

from autonomy.models import Run

SHOWN = 5


@dataclass(frozen=True)
class Matter:
    """One run that needs a person: what is the matter, since when, and the one verb that helps, with its address.

    `verb` is empty where this person may not do it. `run` has its owner.
    """

    run: Run
    since: datetime
    reason: str
    verb: str = ""
    address: str = ""


@dataclass(frozen=True)
class Found:
    """At most SHOWN of the matters, how many there are, and a sentence about what needs nobody, if there is one."""

    matters: list[Matter] = field(default_factory=list)
    total: int = 0
    note: str = ""


@dataclass(frozen=True)
class Concern:
    """`since`: the words before how long it has been so. `every`: what the list of runs with `query` is called,
    which has all of them.
    `read` is only asked for people who may see runs.
    """

    title: str
    icon: str
    since: str
    every: str
    query: str
    read: Callable[[HttpRequest], Found]


CONCERNS: list[Concern] = []

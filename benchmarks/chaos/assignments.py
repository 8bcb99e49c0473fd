"""What the runs are asked to write: small tasks on short sources, the same ones for the same seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from autonomy.services.start_run import GivenSource
from benchmarks.chaos.model import AGAINST_ALL_ODDS

JOURNEYS = {"essay": 100, "report": 200, "literature_review": 300}  # with the fewest words each may be asked for
SAMPLES = ("managed-retreat.md", "mangroves-and-salt-marshes.md")

_PLACES = ("harbour", "estuary", "lowland", "island", "delta", "marsh")
_BEGINNINGS = (
    "In the {place} of the {number}th survey the water stood",
    "After the storm of that winter the wall at the {place} was found",
    "Every town beside the {place} had by then counted",
    "The engineers who measured the {place} wrote that the sea came",
)
_ENDINGS = (
    "higher than {number} of the older marks allowed for.",
    "weaker by a part that nobody had expected, {number} in a thousand.",
    "more than {number} floods, and paid for each of them out of its own chest.",
    "nearer to the houses by {number} paces than the map had shown.",
)


@dataclass(frozen=True)
class Assignment:
    """One run to start. `silent`: no report ever comes; `twice`: asked for by two at once; `cancelled_after`: s."""

    number: int
    owner: int
    journey: str
    task_spec: dict[str, Any]
    sources: list[GivenSource]
    priority: int
    silent: bool
    twice: bool
    cancelled_after: float | None


def assignment(seed: int, number: int, owners: int) -> Assignment:
    """The number-th of a storm. A few use up a small budget, are cancelled, wait for ever or are asked for twice."""
    chance = random.Random(f"{seed}:assignment:{number}")
    journey = chance.choice(list(JOURNEYS))
    task_spec: dict[str, Any] = {
        "topic": f"How the sea wall of town {number} holds the water",
        "words": JOURNEYS[journey] + chance.randrange(0, 100),
        "max_revisions": chance.choice((0, 1, 1, 2)),
    }
    if chance.random() < 0.03:  # it fails, and is retried
        task_spec["topic"] += f", {AGAINST_ALL_ODDS}"
    if chance.random() < 0.05:
        task_spec["limits"] = {"tokens": chance.randrange(500, 4000)}
    sources = [GivenSource("survey.txt", _survey(chance).encode())]
    if chance.random() < 0.3:
        name = chance.choice(SAMPLES)
        sources.append(GivenSource(name, _sample(name)))
    return Assignment(
        number=number,
        owner=number % owners,
        journey=journey,
        task_spec=task_spec,
        sources=sources,
        priority=chance.randrange(3, 8),
        silent=chance.random() < 0.03,
        twice=chance.random() < 0.15,
        cancelled_after=chance.uniform(0, 12) if chance.random() < 0.06 else None,
    )


def _survey(chance: random.Random) -> str:
    sentences = [
        f"{chance.choice(_BEGINNINGS)} {chance.choice(_ENDINGS)}".format(
            place=chance.choice(_PLACES), number=chance.randrange(2, 900)
        )
        for _ in range(24)
    ]
    return "\n\n".join(" ".join(sentences[at : at + 4]) for at in range(0, len(sentences), 4))


def _sample(name: str) -> bytes:
    folder: Path = settings.BASE_DIR / "autonomy" / "demo" / "sources"
    return (folder / name).read_bytes()

"""What hits the engine, and when: drawn from the seed, spread evenly over the storm."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.chaos.outages import POSTGRES_WAYS, REDIS_WAYS

FREEZES = ("before its commit", "past its lease", "in a transaction")
KILLS = {"pool child": 0.7, "whole worker": 0.22, "beat": 0.08}


@dataclass(frozen=True, order=True)
class Blow:
    """`at`: seconds from the storm's beginning. `what`: kill, freeze, stop, redis or postgres; `way`: what kind."""

    at: float
    what: str
    way: str


def blows(seed: int, seconds: float, *, kills: int, freezes: int, stops: int, redis: int, postgres: int) -> list[Blow]:
    chance = random.Random(f"{seed}:blows")
    kinds = chance.choices(list(KILLS), list(KILLS.values()), k=kills)
    drawn = [
        *_spread(chance, seconds, "kill", kinds),
        *_spread(chance, seconds, "freeze", _in_turn(FREEZES, freezes)),
        *_spread(chance, seconds, "stop", ["asked to stop"] * stops),
        *_spread(chance, seconds, "redis", _in_turn(REDIS_WAYS, redis)),
        *_spread(chance, seconds, "postgres", _in_turn(POSTGRES_WAYS, postgres)),
    ]
    return sorted(drawn)


def _in_turn(ways: Sequence[str], count: int) -> list[str]:
    return [ways[n % len(ways)] for n in range(count)]


def _spread(chance: random.Random, seconds: float, what: str, ways: Sequence[str]) -> list[Blow]:
    """One in each of as many equal parts of the time, at a random moment of it."""
    part = seconds / max(1, len(ways))
    return [Blow((n + chance.random()) * part, what, way) for n, way in enumerate(ways)]

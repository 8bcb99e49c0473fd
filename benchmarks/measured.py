"""The figures of one subject in one round, and what is made of several rounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from benchmarks.work import STEPS


@dataclass(frozen=True)
class Measured:
    """`seconds` for all `runs` together; `milliseconds` of single runs, one at a time; `cpu_ms` of a run: its
    own and Postgres'."""

    runs: int
    seconds: float
    milliseconds: list[float] = field(default_factory=list)
    bytes_per_superstep: float | None = None
    bytes_per_superstep_of_all: float | None = None
    cpu_ms: tuple[float, float] | None = None

    @property
    def runs_per_second(self) -> float:
        return self.runs / self.seconds


Rounds = dict[str, list[Measured]]


def runs_per_second(rounds: Sequence[Measured]) -> float:
    return median(one.runs_per_second for one in rounds)


def supersteps_per_second(rounds: Sequence[Measured]) -> float:
    return runs_per_second(rounds) * STEPS


def ratios(ours: Sequence[Measured], theirs: Sequence[Measured]) -> list[float]:
    """Of the runs per second, ascending; one for each round, for the machine may be faster in another."""
    return sorted(a.runs_per_second / b.runs_per_second for a, b in zip(ours, theirs, strict=True))


def percentile(values: Sequence[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]

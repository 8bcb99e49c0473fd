"""What is printed in the end, in Markdown."""

from __future__ import annotations

import os
import platform
from statistics import mean, median
from typing import Any

from benchmarks.measured import Measured, Rounds, percentile, ratios, runs_per_second, supersteps_per_second
from benchmarks.subjects import AUTONOMY, LANGGRAPH_POSTGRES, SUBJECTS
from benchmarks.work import STEPS as STEPS

FIRST_EVENT_MS = 50.0
WAITING_RATIO = 0.8
CLAIM_RATIO = 1.3

_HEAD = ["", "runs/s", "supersteps/s", "Autonomy is", "target", "p50 ms", "p95 ms", "bytes/superstep"]
_POSTGRES = "Postgres"


def of(rounds: Rounds) -> str:
    return _markdown([_HEAD, *(_row(rounds, subject.name, subject.target) for subject in SUBJECTS)])


def of_profile(rounds: Rounds, profile: dict[str, dict[str, float]]) -> str:
    """The processor time of one run, and of one on LangGraph's saver; what Celery's worker adds is not in it."""
    parts = list(profile.values())
    owners = sorted({owner for part in parts for owner in part}, key=lambda owner: -parts[-1].get(owner, 0))
    rows = [["processor ms of a run", "start_run", "claim, execute"]]
    rows += [[owner, *(f"{part.get(owner, 0):.2f}" for part in parts)] for owner in owners]
    rows += [["all", *(f"{sum(part.values()):.2f}" for part in parts)]]
    client, server = (mean(one.cpu_ms[n] for one in rounds[LANGGRAPH_POSTGRES.name] if one.cpu_ms) for n in range(2))
    beside = f"{LANGGRAPH_POSTGRES.name}: {client:.2f} ms of its own, {server:.2f} ms in {_POSTGRES}"
    return f"{_markdown(rows)}\n\n{beside}"


def _markdown(rows: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    head, *others = ([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])] for row in rows)
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, rule, *others])


def _row(rounds: Rounds, name: str, target: float | None) -> list[str]:
    mine = rounds[name]
    single = [ms for one in mine for ms in one.milliseconds]
    each = ratios(rounds[AUTONOMY.name], mine)
    times = median(each)
    return [
        name,
        f"{runs_per_second(mine):.1f}",
        f"{supersteps_per_second(mine):.0f}",
        "" if name == AUTONOMY.name else f"{times:.2f} x ({each[0]:.2f}–{each[-1]:.2f})",
        "" if target is None else f"{target:.1f} x: {_judged(times >= target)}",
        f"{percentile(single, 50):.1f}",
        f"{percentile(single, 95):.1f}",
        _bytes(mine[-1]),
    ]


def _bytes(one: Measured) -> str:
    return "" if one.bytes_per_superstep is None else f"{one.bytes_per_superstep:.0f}"


def lines(rounds: Rounds, *, waiting: tuple[float, float], events: dict[str, Any], claims: dict[str, Any]) -> str:
    """The scenarios that have a figure of their own. `waiting`: the ideal and the measured seconds."""
    ideal, seconds = waiting
    first, ended = events["first_event"], events["ended"]
    bytes_ratio = (rounds[AUTONOMY.name][-1].bytes_per_superstep or 0) / (
        rounds[LANGGRAPH_POSTGRES.name][-1].bytes_per_superstep or 1
    )
    slower = claims["full"] / claims["empty"]
    of_all = rounds[AUTONOMY.name][-1].bytes_per_superstep_of_all or 0
    return "\n".join(
        [
            f"- first event after the POST: p50 {percentile(first, 50):.1f} ms, p95 {percentile(first, 95):.1f} ms;"
            f" target under {FIRST_EVENT_MS:.0f} ms: {_judged(percentile(first, 50) < FIRST_EVENT_MS)}"
            f" (to the stream's end: p50 {percentile(ended, 50):.1f} ms)",
            f"- runs at once whose nodes wait: {seconds:.1f} s, ideal {ideal:.1f} s, ratio {ideal / seconds:.2f};"
            f" target {WAITING_RATIO}: {_judged(ideal / seconds >= WAITING_RATIO)}",
            f"- claim: {claims['empty']:.2f} ms with an empty table, {claims['full']:.2f} ms with"
            f" {claims['finished']:,} finished jobs, ratio {slower:.2f};"
            f" target {CLAIM_RATIO} at most: {_judged(slower <= CLAIM_RATIO)}",
            f"- checkpoints take {bytes_ratio:.2f} times the bytes of LangGraph's saver; with episodes, jobs and all"
            f" other tables {of_all:.0f} bytes a superstep",
            f"- {os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}",
        ]
    )


def _judged(met: bool) -> str:
    return "met" if met else "SHORT"

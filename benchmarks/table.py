"""What is printed in the end, in Markdown."""

from __future__ import annotations

import os
import platform
from typing import Any

from benchmarks.measured import Measured, Rounds, percentile, ratio, runs_per_second, supersteps_per_second
from benchmarks.subjects import AUTONOMY, LANGGRAPH_POSTGRES, SUBJECTS
from benchmarks.work import STEPS as STEPS

FIRST_EVENT_MS = 50.0
WAITING_RATIO = 0.8
CLAIM_RATIO = 1.3

_HEAD = ["", "runs/s", "supersteps/s", "Autonomy is", "target", "p50 ms", "p95 ms", "bytes/superstep"]


def of(rounds: Rounds) -> str:
    rows = [_HEAD, *(_row(rounds, subject.name, subject.target) for subject in SUBJECTS)]
    widths = [max(len(row[n]) for row in rows) for n in range(len(_HEAD))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = [[rows[0][0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(rows[0][1:], widths[1:], strict=True))]]
    lines.append(rule)
    lines += [
        [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))] for row in rows[1:]
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _row(rounds: Rounds, name: str, target: float | None) -> list[str]:
    mine = rounds[name]
    single = [ms for one in mine for ms in one.milliseconds]
    times = ratio(rounds[AUTONOMY.name], mine)
    return [
        name,
        f"{runs_per_second(mine):.1f}",
        f"{supersteps_per_second(mine):.0f}",
        "" if name == AUTONOMY.name else f"{times:.2f} x",
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

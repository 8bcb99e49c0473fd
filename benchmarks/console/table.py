"""What is printed in the end, in Markdown."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence

from benchmarks.console.measuring import Taken

BOUND_MS, WORST_MS = 300.0, 2000.0
SHOWN_CHARS = 400

_HEAD = ["", "median ms", "p95 ms", "x login", "KB", "own ms", "queries", "SQL ms", "slowest ms"]


def of(taken: Sequence[Taken], trivial: float) -> str:
    rows = [_HEAD, *(_row(one, trivial) for one in taken)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    head, *others = ([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])] for row in rows)
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, rule, *others])


def slow(taken: Sequence[Taken]) -> str:
    """The statements behind the pages above the bound."""
    return "\n".join(
        f"- {one.page.name} ({one.median:.0f} ms): {one.sql_ms:.0f} ms of SQL, "
        f"of which {one.slowest_ms:.0f} in `{_shortened(one.slowest)}`"
        for one in sorted(taken, key=lambda one: -one.median)
        if one.status == 200 and one.median > BOUND_MS
    )


def verdict(taken: Sequence[Taken], busy: float) -> str:
    held = [one for one in taken if one.page.first and one.status == 200]
    over = [one.page.name for one in held if one.median > BOUND_MS]
    others = [f"{one.page.name} ({one.status or 'no answer in time'})" for one in taken if one.status != 200]
    lines = [
        f"- median of at most {BOUND_MS:.0f} ms: {len(held) - len(over)} of {len(held)} pages people come to"
        + (f"; SHORT: {', '.join(over)}" if over else ": met")
    ]
    lines += [f"- not answered with 200: {', '.join(others)}"] if others else []
    lines += [
        f"- {os.cpu_count()} cores, of which others kept {busy:.0f} percent busy; {platform.system()} "
        f"{platform.machine()}, Python {platform.python_version()}"
    ]
    return "\n".join(lines)


def too_slow(taken: Sequence[Taken]) -> bool:
    return any(one.median > WORST_MS for one in taken)


def _row(one: Taken, trivial: float) -> list[str]:
    if one.status != 200:
        return [one.page.name, str(one.status or "> 120 s"), "", "", "", "", "", "", ""]
    return [
        one.page.name,
        f"{one.median:.0f}",
        f"{one.p95:.0f}",
        f"{one.median / trivial:.1f}",
        f"{one.bytes / 1024:.0f}",
        f"{one.own_ms:.0f}",
        str(one.queries),
        f"{one.sql_ms:.0f}",
        f"{one.slowest_ms:.0f}",
    ]


def _shortened(statement: str) -> str:
    """Without the list of columns, which says little."""
    said = re.sub(r"SELECT (?!COUNT)[^()]{200,}? FROM ", "SELECT … FROM ", statement.replace('"', ""))
    return said if len(said) <= SHOWN_CHARS else f"{said[:SHOWN_CHARS]} …"

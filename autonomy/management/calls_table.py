"""A run's provider calls as a table in a terminal: a line for each attempt, and a line for the sum."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from uuid import UUID

from autonomy.models import ProviderCall

HEADINGS = ("no.", "node", "provider", "model", "in", "out", "usd", "seconds", "what came of it")
RIGHT = {"no.", "in", "out", "usd", "seconds"}
NOTHING = "–"
SHORTEST_TELLING = 20


def lines(calls: Iterable[ProviderCall], width: int = 100) -> list[str]:
    """Aligned; the headings first. No. 2.3 is the third attempt at the second question. Tokens that are reckoned have
    a ~ before them, and a line below says so."""
    told = list(calls)
    numbers = {operation: number for number, operation in enumerate(_operations(told), start=1)}
    table = [HEADINGS, *(_row(numbers[call.operation_id], call) for call in told), _sum(told)]
    widths = [max(len(row[place]) for row in table) for place in range(len(HEADINGS) - 1)]
    before = sum(widths) + 2 * len(widths)
    found = [line for row in table for line in _lines(row, widths, max(SHORTEST_TELLING, width - before))]
    if any(call.estimated for call in told):
        note = "~ is reckoned, rather too high than too low: the provider did not tell what it used."
        found += textwrap.wrap(note, width)
    return found


def _lines(row: tuple[str, ...], widths: list[int], telling: int) -> list[str]:
    cells = [
        cell.rjust(width) if heading in RIGHT else cell.ljust(width)
        for cell, width, heading in zip(row, widths, HEADINGS, strict=False)
    ]
    first, *more = textwrap.wrap(row[-1], telling, break_long_words=False) or [""]
    indent = " " * (sum(widths) + 2 * len(widths))
    return ["  ".join([*cells, first]).rstrip(), *(indent + line for line in more)]


def _operations(calls: Iterable[ProviderCall]) -> list[UUID]:
    """Each once, in the order in which they began."""
    return list(dict.fromkeys(call.operation_id for call in calls))


def _row(question: int, call: ProviderCall) -> tuple[str, ...]:
    mark = "~" if call.estimated else ""
    return (
        f"{question}.{call.attempt}",
        call.node,
        call.provider,
        call.model or NOTHING,
        f"{mark}{call.tokens_in}" if call.tokens_in else NOTHING,
        f"{mark}{call.tokens_out}" if call.tokens_out else NOTHING,
        NOTHING if call.usd is None else f"{call.usd:.6f}",
        f"{call.latency_ms / 1000:.2f}",
        call.error or call.get_outcome_display().lower(),
    )


def _sum(calls: list[ProviderCall]) -> tuple[str, ...]:
    tokens_in, tokens_out = sum(call.tokens_in for call in calls), sum(call.tokens_out for call in calls)
    usd = sum(call.usd for call in calls if call.usd is not None)
    seconds = sum(call.latency_ms for call in calls) / 1000
    answered = _operations(call for call in calls if call.outcome == ProviderCall.Outcome.OK)
    told = f"{len(answered)} of {len(_operations(calls))} questions answered"
    return (str(len(calls)), "all", "", "", str(tokens_in), str(tokens_out), f"{usd:.6f}", f"{seconds:.2f}", told)

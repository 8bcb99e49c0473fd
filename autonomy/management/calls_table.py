"""A run's provider calls as a table in a terminal: a line for each attempt, and a line for the sum."""

from __future__ import annotations

from collections.abc import Iterable

from autonomy.models import ProviderCall

HEADINGS = ("node", "provider", "model", "attempt", "outcome", "HTTP", "in", "out", "usd", "seconds", "what went wrong")
RIGHT = {"attempt", "HTTP", "in", "out", "usd", "seconds"}
NOTHING = "–"


def lines(calls: Iterable[ProviderCall]) -> list[str]:
    """Aligned; the headings first. Tokens that are estimated have a ~ before them."""
    told = list(calls)
    rows = [HEADINGS, *map(_row, told), _sum(told)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(HEADINGS))]
    return [
        "  ".join(
            cell.rjust(width) if heading in RIGHT else cell.ljust(width)
            for cell, width, heading in zip(row, widths, HEADINGS, strict=True)
        ).rstrip()
        for row in rows
    ]


def _row(call: ProviderCall) -> tuple[str, ...]:
    mark = "~" if call.estimated else ""
    return (
        call.node,
        call.provider,
        call.model or NOTHING,
        str(call.attempt),
        call.outcome,
        str(call.http_status or NOTHING),
        f"{mark}{call.tokens_in}" if call.tokens_in else NOTHING,
        f"{mark}{call.tokens_out}" if call.tokens_out else NOTHING,
        NOTHING if call.usd is None else f"{call.usd:.6f}",
        f"{call.latency_ms / 1000:.2f}",
        call.error,
    )


def _sum(calls: list[ProviderCall]) -> tuple[str, ...]:
    tokens_in, tokens_out = sum(call.tokens_in for call in calls), sum(call.tokens_out for call in calls)
    usd = sum(call.usd for call in calls if call.usd is not None)
    seconds = sum(call.latency_ms for call in calls) / 1000
    operations = f"{len({call.operation_id for call in calls})} operations"
    sums = (str(tokens_in), str(tokens_out), f"{usd:.6f}", f"{seconds:.2f}")
    return ("all", operations, "", str(len(calls)), "", "", *sums, "")

"""The table on a run's page that says where its money went."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from autonomy.console import figures
from autonomy.models import Run
from autonomy.selectors.spend import spend

HEADERS = ["Provider and model", "Node", "Calls", "Attempts", "Tokens in, cached, out", "Cost", "Latency, median / p95"]


def spending(request: HttpRequest, run: Run) -> dict[str, Any] | None:
    """Rows in words, for those who may see the provider calls; None for others, and where there are none."""
    if not request.user.has_perm("autonomy.view_providercall"):
        return None
    told = spend(run)
    if not told["calls"]:
        return None
    rows = [_row(f"{one['provider']} {one['model']}".strip(), one) for one in told["calls"]]
    if len(rows) > 1:
        rows.append(_row("All", {"node": "", "operations": "", "latency_ms": None, **told["total"]}))
    return {"table": {"headers": HEADERS, "rows": rows}}


def _row(name: str, one: dict[str, Any]) -> list[str]:
    latency = one["latency_ms"]
    return [
        name,
        one["node"] or "–",
        f"{one['operations']:,}" if one["operations"] else "–",
        _attempts(one),
        f"{one['tokens_in']:,} / {one['tokens_cached']:,} / {one['tokens_out']:,}",
        _cost(one),
        f"{figures.latency(latency['median'])} / {figures.latency(latency['p95'])}" if latency else "–",
    ]


def _attempts(one: dict[str, Any]) -> str:
    """How many, and how those ended that did not end well."""
    others = [f"{one[name]:,} {word}" for name, word in _OTHER_ENDS if one[name]]
    return f"{one['attempts']:,}" + (f" ({', '.join(others)})" if others else "")


_OTHER_ENDS = (("failed", "failed"), ("pending", "under way"), ("lost", "lost"))


def _cost(one: dict[str, Any]) -> str:
    if one["usd"] is None:
        amount = f"unknown price ({one['unknown_price']:,})" if one["unknown_price"] else "–"
    else:
        more = f" + {one['unknown_price']:,} of unknown price" if one["unknown_price"] else ""
        amount = f"{figures.usd(one['usd'])}{more}"
    return f"{amount}, {one['estimated']:.0%} estimated" if one["estimated"] else amount

"""Where a run's money went: its provider calls, added up by provider, model and node."""

from __future__ import annotations

from typing import Any, cast

from django.db.models import Aggregate, Count, F, FloatField, Q, Sum

from autonomy.models import ProviderCall, Run

_Outcome = ProviderCall.Outcome
_OK = Q(outcome=_Outcome.OK)
_PENDING = Q(outcome=_Outcome.PENDING)
_SETTLED = ~_PENDING
_HEARD_OF = ~Q(outcome__in=[_Outcome.PENDING, _Outcome.LOST])
_COUNTS = ("attempts", "ok", "failed", "pending", "lost", "unknown_price")
_TOKENS = ("tokens_in", "tokens_out", "tokens_cached")


class Percentile(Aggregate):
    """PostgreSQL's percentile_cont; `share` is between 0 and 1."""

    function = "percentile_cont"
    template = "%(function)s(%(share)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()


def spend(run: Run) -> dict[str, Any]:
    """`{run_id, limits, spent, reserved, calls: [...], total}`, the dearest calls first. JSON-able.

    One of `calls`: `{provider, model, node, operations, attempts, ok, failed, pending, lost, unknown_price, estimated,
    tokens_in, tokens_out, tokens_cached, usd, latency_ms: {median, p95} or None}`. Tokens and usd of pending attempts
    are not in it: they are `reserved`. A lost attempt counts with the most it could use. `usd` adds up what has a known
    price, and is None where nothing has; `unknown_price` counts the attempts that were answered or used tokens, and
    have none. `estimated` is the share, from 0 to 1, of the settled attempts whose usage is reckoned.
    `total` has the same of all calls, without names, operations and latency.
    """
    rows = _rows(run)
    added_up: dict[str, Any] = {
        name: sum(row[name] for row in rows) for name in (*_COUNTS, "reckoned", *map(_sum, _TOKENS))
    }
    known = [row["sum_usd"] for row in rows if row["sum_usd"] is not None]
    return {
        "run_id": str(run.pk),
        "limits": {"tokens": run.limit_tokens, "seconds": run.limit_seconds, "usd": float(run.limit_usd)},
        "spent": {"tokens": run.spent_tokens, "seconds": round(run.spent_seconds, 3), "usd": float(run.spent_usd)},
        "reserved": {"tokens": run.reserved_tokens, "usd": float(run.reserved_usd)},
        "calls": [_call(row) for row in rows],
        "total": _figures({**added_up, "sum_usd": sum(known) if known else None}),
    }


def _rows(run: Run) -> list[dict[str, Any]]:
    """One query."""
    used = Q(tokens_in__gt=0) | Q(tokens_out__gt=0)
    calls = ProviderCall.objects.filter(run=run).values("provider", "model", "node")
    added_up = calls.annotate(
        operations=Count("operation_id", distinct=True),
        attempts=Count("pk"),
        ok=Count("pk", filter=_OK),
        failed=Count("pk", filter=Q(outcome__in=[_Outcome.RETRYABLE, _Outcome.FINAL])),
        pending=Count("pk", filter=_PENDING),
        lost=Count("pk", filter=Q(outcome=_Outcome.LOST)),
        unknown_price=Count("pk", filter=_SETTLED & Q(usd__isnull=True) & (_OK | used)),
        # A name of its own: `estimated` is the column's.
        reckoned=Count("pk", filter=_SETTLED & Q(estimated=True)),
        sum_usd=Sum("usd", filter=_SETTLED),
        median=Percentile("latency_ms", share=0.5, filter=_HEARD_OF),
        p95=Percentile("latency_ms", share=0.95, filter=_HEARD_OF),
        **{_sum(name): Sum(name, filter=_SETTLED, default=0) for name in _TOKENS},
    )
    dearest = F("sum_usd").desc(nulls_last=True)
    rows = added_up.order_by(dearest, F("sum_tokens_out").desc(), "provider", "model", "node")
    return cast(list[dict[str, Any]], list(rows))


def _call(row: dict[str, Any]) -> dict[str, Any]:
    heard_of = row["median"] is not None
    return {
        **{name: row[name] for name in ("provider", "model", "node", "operations")},
        **_figures(row),
        "latency_ms": {"median": round(row["median"]), "p95": round(row["p95"])} if heard_of else None,
    }


def _figures(row: dict[str, Any]) -> dict[str, Any]:
    settled = row["attempts"] - row["pending"]
    return {
        **{name: row[name] for name in _COUNTS},
        "estimated": round(row["reckoned"] / settled, 4) if settled else 0.0,
        **{name: row[_sum(name)] for name in _TOKENS},
        "usd": None if row["sum_usd"] is None else float(row["sum_usd"]),
    }


def _sum(name: str) -> str:
    """Of a column, in the query: an annotation may not have the column's own name."""
    return f"sum_{name}"

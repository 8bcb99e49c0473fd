"""The limits of a run, looked at before every superstep."""

from __future__ import annotations

from typing import Any

from autonomy.models import Run


def exceeded(run: Run) -> dict[str, Any] | None:
    """`{which, limit, spent}` of the first limit that is used up, or None."""
    for which, limit, spent in (
        ("tokens", run.limit_tokens, run.spent_tokens),
        ("seconds", run.limit_seconds, round(run.spent_seconds, 3)),
        ("usd", float(run.limit_usd), float(run.spent_usd)),
    ):
        # A limit of 0 usd allows free providers only: it is crossed by the first cent, not by nothing.
        if spent > limit or (spent == limit and limit > 0):
            return {"which": which, "limit": limit, "spent": spent}
    return None

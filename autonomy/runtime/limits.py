"""The limits of a run, looked at before and after every superstep. Within one, providers reserve of them beforehand."""

from __future__ import annotations

from autonomy.errors import BudgetExceeded
from autonomy.models import Run


def exceeded(run: Run) -> BudgetExceeded | None:
    """The first limit that is used up, or None."""
    for which, limit, spent in (
        ("tokens", run.limit_tokens, run.spent_tokens),
        ("seconds", run.limit_seconds, round(run.spent_seconds, 3)),
        ("usd", float(run.limit_usd), float(run.spent_usd)),
    ):
        # A limit of 0 usd allows free providers only: it is crossed by the first cent, not by nothing.
        if spent > limit or (spent == limit and limit > 0):
            return BudgetExceeded.of(which, limit, spent)
    return None


def still_exceeded(over: BudgetExceeded, run: Run) -> BudgetExceeded | None:
    """The same again, as the run's row now stands; None if it was raised far enough since."""
    which, asked = over.details["which"], over.details.get("asked", 0)
    limit, spent = getattr(run, f"limit_{which}"), getattr(run, f"spent_{which}")
    if which == "usd":
        limit, spent = float(limit), float(spent)
    if spent + asked > limit or (spent == limit and limit > 0):
        return BudgetExceeded.of(which, limit, spent, asked)
    return None

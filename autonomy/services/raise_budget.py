"""Raising the limits of a run; one that ended because a limit was used up goes on."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from autonomy.episodes.kinds import Kind
from autonomy.episodes.record import NewEpisode, append
from autonomy.errors import InvalidInput
from autonomy.journeys.form import fitted
from autonomy.journeys.journey import LimitsSpec
from autonomy.models import Run
from autonomy.runtime import reopening
from autonomy.runtime.limits import exceeded
from autonomy.services.locked_run import how_it_ended, locked_run, refused, stated
from autonomy.services.start_run import budgets_of

LIMITS = ("tokens", "seconds", "usd")


def raise_budget(
    *,
    run_id: UUID,
    actor: User,
    tokens: int | None = None,
    seconds: float | None = None,
    usd: float | None = None,
    reason: str = "",
) -> Run:
    """Set new limits, each above the present one. A run that ended as budget_exceeded goes on from its checkpoint.

    Raises InvalidInput, with the fields named, if a limit is not raised or is still used up; Conflict for a run that
    ended in another way; NotFound.
    """
    asked = fitted(LimitsSpec, {"tokens": tokens, "seconds": seconds, "usd": usd}).model_dump(exclude_none=True)
    if not asked:
        raise InvalidInput(
            "Give at least one new limit: tokens, seconds or usd.", fields={name: ["Give one."] for name in LIMITS}
        )
    with transaction.atomic():
        run = locked_run(run_id)
        if why := why_not(run):
            raise refused(run, why)
        before = budgets_of(run)
        _raise(run, asked)
        goes_on = run.ended
        if goes_on:
            _refuse_if_used_up(run)
            reopening.reopen(run)
        told = ", ".join(f"{name} from {before[name]:,} to {value:,}" for name, value in asked.items())
        message = f"{actor.get_username()} raised the limits{stated(reason)}: {told}."
        if goes_on:
            message += f" The run goes on at {run.route}."
        data = {"before": before, "after": budgets_of(run), "goes_on": goes_on, "reason": reason}
        append(run, [NewEpisode(Kind.BUDGET_RAISED, message, data, run.route, actor_id=actor.pk)])
        run.save(update_fields=[*reopening.FIELDS, "limit_tokens", "limit_seconds", "limit_usd", "last_seq"])
    return run


def why_not(run: Run) -> str:
    """Why the limits cannot be raised, in a sentence; empty if they can."""
    if run.ended and run.outcome != Run.Outcome.BUDGET_EXCEEDED:
        return f"The run has ended ({how_it_ended(run)}), and not for its budget: its limits stay."
    return ""


def _raise(run: Run, asked: dict[str, Any]) -> None:
    fields: dict[str, list[str]] = {}
    for name, value in asked.items():
        new = Decimal(str(value)) if name == "usd" else value
        present = getattr(run, f"limit_{name}")
        if new <= present:
            fields[name] = [f"It must be above the present limit of {budgets_of(run)[name]:,}."]
        setattr(run, f"limit_{name}", new)
    if fields:
        raise InvalidInput("A limit can only be raised; details name the fields to mend.", fields=fields)


def _refuse_if_used_up(run: Run) -> None:
    if over := exceeded(run):
        which, limit, spent = over.details["which"], over.details["limit"], over.details["spent"]
        raise InvalidInput(
            f"The limit of {limit:,} {which} is still used up ({spent:,} spent): raise it above that, too.",
            fields={which: [f"It must be above what is spent: {spent:,}."]},
            **over.details,
        )

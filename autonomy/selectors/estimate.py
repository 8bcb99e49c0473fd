"""What a run will probably use: what runs like it have used, or else a reckoning from its task."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from autonomy.graph.build import build
from autonomy.journeys.journey import Journey
from autonomy.models import ProviderCall, Run
from autonomy.providers import pricing
from autonomy.providers.configured import asked_first, price_of_spec
from autonomy.selectors.reckoning import Asked, reckoning

WINDOW = 2000  # the newest runs that are done, of all journeys: what is looked through
NEWEST = 200  # of this journey among them
ENOUGH = 5
ALIKE = 2  # a run of half to twice the length is taken as it is


@dataclass(frozen=True)
class _Ended:
    words: int | None
    tokens: float
    usd: float | None
    seconds: float


def estimate(journey: Journey, asked: Asked) -> dict[str, Any]:
    """`{journey, words, model: {name, model, free, known_price}, past, reckoning}`, of the last two one at most.
    JSON-able.

    `past`: `{runs, cut_short, scaled, tokens, usd, seconds}`, each of the last three `{half, most}`: half of the runs
    used at most so much, and nine in ten; `usd` is None where prices are not known. `cut_short` more runs were
    ended by a limit. With `scaled` they were of other lengths, and their figures are in proportion to the words.
    `reckoning` is what selectors/reckoning.py says; None where the journey has a graph of its own.
    """
    provider, spec = asked_first(asked.model or journey.model)
    price = price_of_spec(spec)
    past = _past(journey, asked.words, provider.name, provider.model)
    own_graph = journey.graph is not build
    return {
        "journey": journey.name,
        "words": asked.words,
        "model": {
            "name": provider.name,
            "model": provider.model,
            "free": price is not None and not any((price.given, price.taken)),
            "known_price": price is not None,
        },
        "past": past,
        "reckoning": None if past or own_graph else reckoning(asked, price, spec.thinking),
    }


def _past(journey: Journey, words: int, provider: str, model: str) -> dict[str, Any] | None:
    """None where too few have ended. Two queries: runs along run_by_journey, their calls along provider_call_of_run."""
    done = Run.objects.filter(status=Run.Status.DONE)
    # Of the last in the window. With their ids in place of it Postgres reads the whole table to find them.
    oldest = Subquery(done.order_by("-created_at").values("created_at")[WINDOW - 1 : WINDOW])
    rows = list(
        done.filter(created_at__gte=Coalesce(oldest, Value(datetime.min.replace(tzinfo=UTC))))
        .filter(journey=journey.name, forked_from__isnull=True)
        .order_by("-created_at")
        .values_list("pk", "outcome", "task_spec__words", "spent_tokens", "spent_usd", "spent_seconds")[:NEWEST]
    )
    if len(rows) < ENOUGH:
        return None
    answered = _answered_by([row[0] for row in rows], provider, model)
    whole, cut_short = [], 0
    for pk, outcome, length, tokens, usd, seconds in rows:
        if pk not in answered:
            continue
        if outcome == Run.Outcome.BUDGET_EXCEEDED:
            cut_short += 1
        else:
            length = length if type(length) is int and length > 0 else None
            whole.append(_Ended(length, tokens, float(usd) if answered[pk] else None, seconds))
    if len(whole) < ENOUGH:
        return None
    alike = [one for one in whole if one.words is None or words / ALIKE <= one.words <= words * ALIKE]
    scaled = len(alike) < ENOUGH
    used = [_in_proportion(one, words) for one in whole] if scaled else alike
    priced = [one.usd for one in used if one.usd is not None]
    return {
        "runs": len(used),
        "cut_short": cut_short,
        "scaled": scaled,
        "tokens": _shares(one.tokens for one in used),
        "usd": _shares(priced) if len(priced) == len(used) else None,
        "seconds": _shares(one.seconds for one in used),
    }


def _answered_by(runs: Sequence[UUID], provider: str, model: str) -> dict[UUID, bool]:
    """Of the runs, those whose calls were mostly answered by this model; and whether all their calls had a price."""
    calls = (
        ProviderCall.objects.filter(run__in=runs, kind=ProviderCall.Kind.LLM, outcome=ProviderCall.Outcome.OK)
        .values("run_id", "provider", "model")
        .annotate(answers=Count("pk"), unpriced=Count("pk", filter=Q(usd__isnull=True)), sum_usd=Sum("usd"))
    )
    total: defaultdict[UUID, int] = defaultdict(int)
    by_it: defaultdict[UUID, int] = defaultdict(int)
    unpriced: defaultdict[UUID, int] = defaultdict(int)
    for call in calls:
        total[call["run_id"]] += call["answers"]
        unpriced[call["run_id"]] += call["unpriced"]
        if call["provider"] == provider and _may_be(call["model"], model):
            by_it[call["run_id"]] += call["answers"]
    return {run: not unpriced[run] for run in runs if 2 * by_it[run] >= total[run]}


def _may_be(answered: str, asked: str) -> bool:
    """Servers of one's own name their models as they like; a model that the price list knows is itself alone."""
    named = pricing.without_version(answered)
    return named == pricing.without_version(asked) or named not in pricing.LIST


def _in_proportion(one: _Ended, words: int) -> _Ended:
    times = words / one.words if one.words else 1
    return _Ended(words, one.tokens * times, None if one.usd is None else one.usd * times, one.seconds * times)


def _shares(figures: Iterable[float]) -> dict[str, float]:
    """By nearest rank: figures that a run really had."""
    ranked = sorted(map(float, figures))
    return {"half": ranked[ceil(len(ranked) * 0.5) - 1], "most": ranked[ceil(len(ranked) * 0.9) - 1]}


__all__ = ["Asked", "estimate"]

"""How the configured providers are, and what they did lately."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Count, Max, Q, Subquery, Sum
from django.utils import timezone

from autonomy.models import ProviderCall
from autonomy.providers import off
from autonomy.providers.breaker import breaker
from autonomy.providers.configured import language_models, similarity_services
from autonomy.providers.provider import key_of
from autonomy.tools.web_search.configured import search_providers

LOOKED_AT = 50_000
_FAILED = [ProviderCall.Outcome.RETRYABLE, ProviderCall.Outcome.FINAL, ProviderCall.Outcome.LOST]


def provider_states() -> list[dict[str, Any]]:
    """`[{name, kind, model, state, until, reason}]` of the language models, the search services and Turnitin, in their
    orders of preference. JSON-able.

    `state`: `closed`, `open` or `half_open`, as all workers see it; `off` where this process itself was refused.
    `until`: unix seconds at which it may be asked again at the latest, or None.
    """
    models = _models()
    states = breaker_states()
    told = []
    for key, model in models.items():
        kind, _, name = key.partition(":")
        off_here = {"state": "off", "until": None, "reason": off.is_off(key)}
        told.append({"name": name, "kind": kind, "model": model} | (off_here if off_here["reason"] else states[key]))
    return told


def calls_of_a_day() -> dict[str, dict[str, Any]]:
    """`{"<kind>:<name>": {attempts, failed, tokens, usd, last_failure}}` of the last 24 hours, configured or not.

    `usd` is None where no price is known; `last_failure` is `{at, error}` or None. Of more than LOOKED_AT attempts
    only the newest are looked at: the table only grows, and is read by its key.
    """
    newest = Subquery(ProviderCall.objects.order_by("-pk").values("pk")[:1])
    failed = Q(outcome__in=_FAILED)
    settled = ~Q(outcome=ProviderCall.Outcome.PENDING)
    since = timezone.now() - timedelta(days=1)
    rows = list(
        ProviderCall.objects.filter(pk__gt=newest - LOOKED_AT, created_at__gte=since)
        .values("kind", "provider")
        .annotate(
            attempts=Count("pk"),
            failed=Count("pk", filter=failed),
            sum_in=Sum("tokens_in", filter=settled, default=0),
            sum_out=Sum("tokens_out", filter=settled, default=0),
            sum_usd=Sum("usd", filter=settled),
            last_failed=Max("pk", filter=failed),
        )
        .order_by()
    )
    failures = ProviderCall.objects.only("error", "outcome", "created_at").in_bulk(
        [row["last_failed"] for row in rows if row["last_failed"]]
    )
    return {
        f"{row['kind']}:{row['provider']}": {
            "attempts": row["attempts"],
            "failed": row["failed"],
            "tokens": row["sum_in"] + row["sum_out"],
            "usd": None if row["sum_usd"] is None else float(row["sum_usd"]),
            "last_failure": _failure(failures.get(row["last_failed"])),
        }
        for row in rows
    }


def last_failures() -> dict[str, dict[str, Any]]:
    """`{"<kind>:<name>": {at, error}}` of the last 24 hours, within the same bound; one query."""
    newest = Subquery(ProviderCall.objects.order_by("-pk").values("pk")[:1])
    lately = ProviderCall.objects.filter(
        pk__gt=newest - LOOKED_AT, created_at__gte=timezone.now() - timedelta(days=1), outcome__in=_FAILED
    )
    calls = lately.order_by("kind", "provider", "-pk").distinct("kind", "provider")
    return {
        key_of(call.kind, call.provider): {"at": call.created_at, "error": call.error or call.get_outcome_display()}
        for call in calls.only("kind", "provider", "error", "outcome", "created_at")
    }


def _failure(call: ProviderCall | None) -> dict[str, Any] | None:
    return {"at": call.created_at, "error": call.error or call.get_outcome_display()} if call else None


def breaker_states() -> dict[str, dict[str, Any]]:
    """`{"<kind>:<name>": {state, until, reason}}` of all configured providers."""
    return breaker().state(_models())


def _models() -> dict[str, str]:
    """What a breaker knows each provider by, and the model it is asked for."""
    kinds = ProviderCall.Kind
    models = {key_of(kinds.LLM, model.name): model.model for model in language_models()}
    models |= {key_of(kinds.SEARCH, service.name): "" for service in search_providers()}
    return models | {key_of(kinds.SIMILARITY, name): "" for name in similarity_services()}

"""Where a run's money went: added up, and call by call, the newest first."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from autonomy.console import figures
from autonomy.console.nodes import TITLES
from autonomy.console.provider_call import Columns
from autonomy.console.run_page import budget
from autonomy.console.spending import spending
from autonomy.models import ProviderCall, Run

PAGE = 50
ICONS = {
    ProviderCall.Outcome.PENDING: ("hourglass_top", "plain"),
    ProviderCall.Outcome.OK: ("check", "good"),
    ProviderCall.Outcome.RETRYABLE: ("refresh", "warn"),
    ProviderCall.Outcome.FINAL: ("error", "bad"),
    ProviderCall.Outcome.LOST: ("error", "bad"),
}


def read(request: HttpRequest, run: Run) -> dict[str, Any]:
    given = request.GET.get("before", "")
    before = int(given) if given.isascii() and given.isdigit() and len(given) < 19 else None
    # In the order of the index that leads to a run's calls; their keys have the same order.
    found = ProviderCall.objects.filter(run=run).order_by("-created_at", "-pk")
    if before is not None:
        found = found.filter(pk__lt=before)
    calls = list(found[: PAGE + 1])
    return {
        "spending": spending(request, run),
        "budget": budget.read(request, run),
        "rows": [_row(call) for call in calls[:PAGE]],
        "older": f"?before={calls[PAGE - 1].pk}" if len(calls) > PAGE else "",
        "newest": reverse("admin:autonomy_run_calls", args=[run.pk]) if before is not None else "",
    }


def _row(call: ProviderCall) -> dict[str, Any]:
    columns = Columns()
    icon, tone = ICONS[ProviderCall.Outcome(call.outcome)]
    return {
        "address": reverse("admin:autonomy_providercall_change", args=[call.pk]),
        "provider": f"{call.provider} {call.model}".strip(),
        "kind": call.get_kind_display(),
        "node": TITLES.get(call.node, call.node),
        "outcome": call.get_outcome_display(),
        "icon": icon,
        "tone": tone,
        "attempt": call.attempt,
        "tokens": columns.tokens(call),
        "cost": columns.cost(call),
        "latency": columns.latency(call),
        "error": call.error,
        "age": figures.age(call.created_at),
    }

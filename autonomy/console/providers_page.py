"""The page that says how the configured providers are, with a button to have one asked again at once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_http_methods

from autonomy.console import figures
from autonomy.console.read_only import RunRows
from autonomy.errors import AutonomyError
from autonomy.models import ProviderCall
from autonomy.providers.breaker import breaker
from autonomy.selectors.providers import calls_of_a_day, provider_states
from autonomy.services.ask_again import PERMISSION, ask_again

ADDRESS = "admin:autonomy_providercall_providers"
KINDS = {
    "llm": ("Language models", ["Provider", "State", "Attempts", "Tokens", "Cost", "Last failure"]),
    "search": ("Search services", ["Provider", "State", "Attempts", "Cost", "Last failure"]),
    "similarity": ("Similarity", ["Provider", "State", "Attempts", "Cost", "Last failure"]),
}
NONE = {"attempts": 0, "failed": 0, "tokens": 0, "usd": None, "last_failure": None}


class ProvidersPage(RunRows):
    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(require_http_methods(["GET", "HEAD", "POST"])(self.providers_view))
        return [path("providers/", view, name="autonomy_providercall_providers"), *super().get_urls()]

    def providers_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            return _ask_again(request, request.POST.get("key", ""))
        states, calls = provider_states(), calls_of_a_day()
        resting = [one for one in states if one["state"] != "closed"]
        return TemplateResponse(
            request,
            "console/providers.html",
            {
                **self.admin_site.each_context(request),
                "title": "Providers",
                "opts": self.opts,
                "tables": [
                    {"title": title, "table": {"headers": headers, "rows": rows}}
                    for kind, (title, headers) in KINDS.items()
                    if (rows := [_row(one, calls) for one in states if one["kind"] == kind])
                ],
                "resting": [{"key": f"{one['kind']}:{one['name']}", "name": one["name"]} for one in resting],
                "may_ask": request.user.has_perm(PERMISSION),
                "shared": breaker().shared,
            },
        )


def _ask_again(request: HttpRequest, key: str) -> HttpResponse:
    name = key.partition(":")[2]
    try:
        ask_again(key=key, actor=request.user)  # type: ignore[arg-type]
    except AutonomyError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"{name} is asked again from now on.")
        # No row belongs to a provider: the entry has its name, and leads nowhere.
        LogEntry.objects.create(
            user=request.user,  # type: ignore[misc]
            content_type=ContentType.objects.get_for_model(ProviderCall),
            object_repr=name,
            action_flag=CHANGE,
            change_message=f"Had {key} asked again.",
        )
    return redirect(ADDRESS)


def _row(one: dict[str, Any], calls: dict[str, dict[str, Any]]) -> list[SafeString | str]:
    did = calls.get(f"{one['kind']}:{one['name']}", NONE)
    failed = f" ({did['failed']:,} failed)" if did["failed"] else ""
    tokens = [f"{did['tokens']:,}" if did["tokens"] else "–"]
    return [
        f"{one['name']} {one['model']}".strip(),
        state_in_words(one),
        f"{did['attempts']:,}{failed}" if did["attempts"] else "–",
        *(tokens if one["kind"] == "llm" else []),
        _cost(did),
        _last_failure(did["last_failure"]),
    ]


def state_in_words(one: dict[str, Any]) -> str:
    if one["state"] == "closed":
        return "In use"
    why = f": {one['reason']}" if one["reason"] else ""
    if one["state"] == "half_open":
        return f"Tried with a single call{why}"
    if one["until"] is None:
        return f"Left alone{why}"
    return f"Left alone until {datetime.fromtimestamp(one['until'], UTC):%H:%M:%S} UTC{why}"


def _cost(did: dict[str, Any]) -> str:
    if did["usd"] is None:
        return "unknown price" if did["tokens"] else "–"
    return figures.usd(did["usd"])


def _last_failure(failure: dict[str, Any] | None) -> SafeString | str:
    return format_html("<span>{} ago: {}</span>", figures.age(failure["at"]), failure["error"]) if failure else "–"

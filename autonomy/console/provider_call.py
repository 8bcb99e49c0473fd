from __future__ import annotations

from django.contrib import admin
from django.utils.safestring import SafeString
from unfold.decorators import display

from autonomy.console import figures
from autonomy.console.providers_page import ProvidersPage
from autonomy.console.read_only import run_link, shortened
from autonomy.models import ProviderCall

OUTCOME_LABELS = {"pending": "info", "ok": "success", "retryable": "warning", "final": "danger", "lost": "danger"}


class Columns:
    """Columns that the list and the run's page share."""

    @display(description="Cost")
    def cost(self, call: ProviderCall) -> str:
        if call.usd is None and not (call.tokens_in or call.tokens_out or call.outcome == ProviderCall.Outcome.OK):
            return "–"
        amount = "unknown" if call.usd is None else figures.usd(call.usd)
        return f"{amount} (estimated)" if call.estimated else amount

    @display(description="Tokens in / out")
    def tokens(self, call: ProviderCall) -> str:
        return f"{call.tokens_in:,} / {call.tokens_out:,}"

    @display(description="Latency")
    def latency(self, call: ProviderCall) -> str:
        return figures.latency(call.latency_ms)

    @display(description="Error")
    def error_line(self, call: ProviderCall) -> str:
        return shortened(call.error, 120)


@admin.register(ProviderCall)
class ProviderCallAdmin(Columns, ProvidersPage):
    list_display = [
        "answered_by", "outcome_label", "run_title", "kind", "node", "attempt", "tokens", "cost", "latency", "age",
    ]  # fmt: skip
    list_filter = ["outcome", "kind", "estimated"]
    search_fields = ["provider", "model", "error", "operation_id__startswith"]
    search_help_text = "Search by provider, model, error, run or operation"
    heavy = ("run__task_spec",)
    ordering = ["-id"]
    of_one_run = ["-created_at", "-id"]
    fieldsets = [
        (None, {"fields": ["run", "kind", "node", "provider", "model", "attempt", "operation_id"]}),
        ("Outcome", {"fields": ["outcome", "http_status", "error", "latency", "created_at"]}),
        ("Usage", {"fields": ["tokens_in", "tokens_out", "tokens_cached", "cost"]}),
    ]

    @display(description="Provider")
    def answered_by(self, call: ProviderCall) -> str:
        return f"{call.provider} {call.model}".strip()

    @display(description="Outcome", label=OUTCOME_LABELS)
    def outcome_label(self, call: ProviderCall) -> tuple[str, str]:
        return call.outcome, call.get_outcome_display()

    @display(description="Run")
    def run_title(self, call: ProviderCall) -> SafeString:
        return run_link(call.run_id, call.run.title)

    @display(description="Age", ordering="-id")
    def age(self, call: ProviderCall) -> SafeString | str:
        return figures.age(call.created_at)

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from autonomy.console import figures
from autonomy.console.run_actions import RunActions
from autonomy.console.run_page.page import RunPages
from autonomy.console.start_page import StartPage
from autonomy.console.verb_page import VerbPages
from autonomy.journeys.registry import journeys
from autonomy.models import Run

STATUS_LABELS = {
    "queued": "info",
    "running": "primary",
    "waiting_human": "warning",
    "done": "success",
    "failed": "danger",
    "cancelled": "default",
    "budget_exceeded": "warning",
    "revisions_exhausted": "warning",
}


class JourneyFilter(admin.SimpleListFilter):
    title = "journey"
    parameter_name = "journey"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [(one.name, one.title) for one in journeys().values()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        return queryset.filter(journey=self.value()) if self.value() else queryset


@admin.register(Run)
class RunAdmin(RunPages, StartPage, VerbPages, RunActions):
    list_display = [
        "title", "status_label", "journey_title", "owner", "node", "revisions", "spend", "age",
    ]  # fmt: skip
    list_filter = ["status", "outcome", JourneyFilter]
    search_fields = ["title", "id__startswith", "user__username"]
    search_help_text = "Search by title, id or owner"
    list_select_related = ["user"]
    heavy = ("task_spec",)
    date_hierarchy = "created_at"
    ordering = ["-created_at"]
    show_add_link = False

    @display(description="Status", ordering="status", label=STATUS_LABELS)
    def status_label(self, run: Run) -> tuple[str, str]:
        if run.status != Run.Status.DONE:
            return run.status, run.get_status_display()
        key = run.outcome if run.outcome in STATUS_LABELS else run.status
        return key, f"{run.get_status_display()}: {run.get_outcome_display()}"

    @display(description="Owner", ordering="user__username")
    def owner(self, run: Run) -> str:
        return run.user.get_username()

    @display(description="Journey", ordering="journey")
    def journey_title(self, run: Run) -> str:
        journey = journeys().get(run.journey)
        return journey.title if journey else run.journey

    @display(description="Next node", ordering="route")
    def node(self, run: Run) -> str:
        return "–" if run.ended else run.route

    @display(description="Revision", ordering="revision")
    def revisions(self, run: Run) -> str:
        return f"{run.revision} of {run.max_revisions}"

    @display(description="Spend")
    def spend(self, run: Run) -> SafeString:
        lines = format_html_join("", '<span class="console-line">{}</span>', ((s.text,) for s in figures.spends(run)))
        return format_html("<span>{}</span>", lines)

    @display(description="Age", ordering="-created_at")
    def age(self, run: Run) -> SafeString | str:
        return figures.age(run.created_at)

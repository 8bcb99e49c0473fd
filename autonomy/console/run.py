from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from autonomy.console import figures
from autonomy.console.episode import EpisodeInline
from autonomy.console.fork import ForkFields
from autonomy.console.job import JobInline
from autonomy.console.outlook import outlook
from autonomy.console.panel import panels_for
from autonomy.console.provider_call import ProviderCallInline
from autonomy.console.run_actions import RunActions
from autonomy.console.source import SourceInline
from autonomy.console.spending import spending
from autonomy.console.start_page import StartPage
from autonomy.console.verb import offered
from autonomy.console.verb_page import VerbPages
from autonomy.journeys.registry import journeys
from autonomy.models import Run
from autonomy.selectors.runs import draft_not_handed_off, scheduled_at

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
# Fields of the task spec that have a line of their own on the page.
_TOLD = {"topic", "title", "sections", "words", "web_search", "model", "target_similarity", "max_revisions", "limits"}


class JourneyFilter(admin.SimpleListFilter):
    title = "journey"
    parameter_name = "journey"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [(one.name, one.title) for one in journeys().values()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        return queryset.filter(journey=self.value()) if self.value() else queryset


@admin.register(Run)
class RunAdmin(StartPage, VerbPages, RunActions, ForkFields):
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
    inlines = [EpisodeInline, SourceInline, JobInline, ProviderCallInline]
    change_form_outer_before_template = "console/run_top.html"
    change_form_outer_after_template = "console/run_bottom.html"
    fieldsets = [
        ("Task", {"fields": ["topic", "document_title", "headings", "words", "web_search"]}),
        (
            "Run",
            {
                "fields": [
                    "owner", "journey_title", "id", "priority", "node", "revisions", "target", "created_at",
                    "scheduled_for", "started_at", "cancel_requested_at", "ended_at",
                ]
            },
        ),
        ("Spend", {"fields": ["tokens", "seconds", "usd"]}),
    ]  # fmt: skip

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        page = super().change_view(request, object_id, form_url, extra_context)
        if isinstance(page, TemplateResponse) and page.context_data is not None:
            run = page.context_data["original"]
            page.context_data |= {
                "title": run.title,
                "subtitle": None,
                "run": run,
                "outlook": outlook(run),
                "status_variant": STATUS_LABELS[self.status_label(run)[0]],
                "status_text": self.status_label(run)[1],
                "verbs": offered(request.user, run),
                "panels": panels_for(request, run),
                "spending": spending(request, run),
                "draft_so_far": draft_not_handed_off(run),
            }
        return page

    def get_fieldsets(self, request: HttpRequest, obj: Run | None = None) -> Any:
        """The usual fields, and those that this run has something to say in."""
        if obj is None:
            return self.fieldsets
        (task, run, spend) = ([*one["fields"]] for _, one in self.fieldsets)
        task += ["asked_first"] if obj.task_spec.get("model") else []
        task += ["further"] if obj.task_spec.keys() - _TOLD else []
        seen = request.user.has_perm("autonomy.view_checkpoint")
        run += ["origin", "origin_checkpoint" if seen else "forked_from_checkpoint"] if obj.forked_from_id else []
        run += ["forks"] if obj.forks.exists() else []
        return [
            (name, {"fields": fields}) for (name, _), fields in zip(self.fieldsets, (task, run, spend), strict=True)
        ]

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

    @display(description="Scheduled for")
    def scheduled_for(self, run: Run) -> SafeString | str:
        return figures.to_come(scheduled_at(run))

    @display(description="Target similarity")
    def target(self, run: Run) -> str:
        return figures.similarity(run.target_similarity)

    @display(description="Tokens")
    def tokens(self, run: Run) -> SafeString:
        return figures.meter(figures.spends(run)[0])

    @display(description="Time")
    def seconds(self, run: Run) -> SafeString:
        return figures.meter(figures.spends(run)[1])

    @display(description="Money")
    def usd(self, run: Run) -> SafeString:
        return figures.meter(figures.spends(run)[2])

    @display(description="Topic")
    def topic(self, run: Run) -> str:
        return str(run.task_spec.get("topic") or "–")

    @display(description="Title")
    def document_title(self, run: Run) -> str:
        return str(run.task_spec.get("title") or "The plan chooses.")

    @display(description="Headings")
    def headings(self, run: Run) -> SafeString | str:
        asked = run.task_spec.get("sections") or []
        if not asked:
            return "The plan chooses."
        return format_html('<ol class="console-ordered">{}</ol>', format_html_join("", "<li>{}</li>", zip(asked)))

    @display(description="Words")
    def words(self, run: Run) -> str:
        words = run.task_spec.get("words")
        return f"{words:,}" if isinstance(words, int) else "–"

    @display(description="Sources")
    def web_search(self, run: Run) -> str:
        return "Its own, and those that a search finds." if run.task_spec.get("web_search") else "Its own."

    @display(description="Language model")
    def asked_first(self, run: Run) -> str:
        return f"{run.task_spec['model']} is asked first."

    @display(description="Further")
    def further(self, run: Run) -> SafeString:
        """What a journey of one's own asks beyond the common task spec."""
        rest = [(name.replace("_", " "), value) for name, value in run.task_spec.items() if name not in _TOLD]
        return format_html_join("", '<span class="console-line">{}: {}</span>', rest)

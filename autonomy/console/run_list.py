"""The list of runs: its columns, its saved views, and what it can be narrowed by."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.widgets import UnfoldBooleanWidget

from autonomy.console import figures, status
from autonomy.console.nodes import TITLES
from autonomy.console.run_actions import RunActions
from autonomy.console.run_filters import CreatedFilter, JourneyFilter, NeedsFilter, OwnerFilter
from autonomy.graph.state import NODES
from autonomy.journeys.registry import journeys
from autonomy.models import Run
from autonomy.selectors.run_search import searched

# The views that have an address of their own; "Mine" is added for who looks.
VIEWS: tuple[tuple[str, dict[str, str]], ...] = (
    ("All", {}),
    ("Needs a person", {"needs": "person"}),
    ("Running", {"status__exact": "running"}),
    ("Waiting for a report", {"status__exact": "waiting_human"}),
    ("Failed", {"status__exact": "failed"}),
    ("Over budget", {"outcome__exact": "budget_exceeded"}),
)
# Not the widget itself: a template for each row takes a tenth of the page's time.
BOX = UnfoldBooleanWidget({"class": "action-select"}).attrs["class"]
_OF_VIEWS = ("needs", "status__exact", "outcome__exact", "owner")


class RunList(RunActions):
    change_list_template = "console/run_list.html"
    list_display: ClassVar[list[str]] = ["badge", "title", "kind", "whose", "progress", "spent", "started_ago"]
    list_display_links: ClassVar[list[str]] = ["title"]
    list_filter: ClassVar[list[Any]] = ["status", "outcome", JourneyFilter, NeedsFilter, CreatedFilter, OwnerFilter]
    linked = ("forked_from__id__exact",)
    search_fields: ClassVar[list[str]] = ["title"]
    search_help_text = "Words of the title, the id, or the owner"
    sortable_by: ClassVar[list[str]] = ["started_ago"]
    list_select_related: ClassVar[list[str]] = ["user"]
    ordering: ClassVar[list[str]] = ["-created_at"]
    show_add_link = False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().changelist_view(request, {**(extra_context or {}), "views": views(request), "title": "Runs"})

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Run], search_term: str
    ) -> tuple[QuerySet[Run], bool]:
        return (searched(queryset, search_term) if search_term else queryset), False

    @display(description="Select")
    def action_checkbox(self, run: Run) -> SafeString:
        return format_html(
            '<input type="checkbox" name="{}" value="{}" class="{}" aria-label="Select “{}”">',
            ACTION_CHECKBOX_NAME,
            run.pk,
            BOX,
            run.title,
        )

    @display(description="Status")
    def badge(self, run: Run) -> SafeString:
        return status.badge(run)

    @display(description="Journey")
    def kind(self, run: Run) -> str:
        journey = journeys().get(run.journey)
        return journey.title if journey else run.journey

    @display(description="Owner")
    def whose(self, run: Run) -> str:
        return run.user.get_username()

    @display(description="Progress")
    def progress(self, run: Run) -> SafeString:
        return format_html(
            '<span class="console-progress">{}'
            '<span class="console-small">Revision {} of {} · {} superstep{}</span></span>',
            steps(run),
            run.revision,
            run.max_revisions,
            f"{run.supersteps:,}",
            "" if run.supersteps == 1 else "s",
        )

    @display(description="Spend")
    def spent(self, run: Run) -> SafeString:
        return nearest_limit(run)

    @display(description="Age", ordering="-created_at")
    def started_ago(self, run: Run) -> SafeString | str:
        return figures.age(run.created_at)


def views(request: HttpRequest) -> list[dict[str, Any]]:
    """Each is an address that can be bookmarked. The current one is the one that sets just these filters."""
    given = {name: request.GET[name] for name in _OF_VIEWS if request.GET.get(name)}
    every = [*VIEWS, ("Mine", {"owner": request.user.get_username()})]
    address = reverse("admin:autonomy_run_changelist")
    return [
        {"name": name, "url": f"{address}?{urlencode(params)}" if params else address, "current": params == given}
        for name, params in every
    ]


def steps(run: Run) -> SafeString:
    """The nodes as a row of marks, with the name of the one that is next beside it."""
    names = NODES
    if run.status == Run.Status.DONE and run.outcome == Run.Outcome.ACCEPTED:
        here, said = len(names), "All steps done"
    else:
        here = names.index(run.route) if run.route in names else len(names)
        if here == len(names):
            said = "Ended"
        else:
            node = TITLES[run.route]
            said = f"Ended at {node}" if run.ended else node
    # Of a run that ended at a limit the row does not say how far it had come.
    known = run.outcome != Run.Outcome.BUDGET_EXCEEDED
    marks = (("past" if n < here else "here" if n == here else "to-come",) for n in range(len(names) if known else 0))
    return format_html(
        '<span class="console-steps"><span class="console-marks" aria-hidden="true">{}</span>{}'
        '<span class="console-unseen">{}</span></span>',
        format_html_join("", '<span class="console-mark console-mark-{}"></span>', marks),
        said,
        f", step {here + 1} of {len(names)}" if here < len(names) else "",
    )


def nearest_limit(run: Run) -> SafeString:
    """The limit that is nearest its end, as a bar and in words; the others too for those who hear the page."""
    every = figures.spends(run)
    nearest = max(every, key=lambda one: one.percent)
    others = "; ".join(one.text for one in every if one is not nearest)
    bar = format_html(
        '<meter min="0" max="{}" high="{}" value="{}" aria-hidden="true"></meter>',
        nearest.limit or 1,
        (nearest.limit or 1) * 0.8,
        min(nearest.spent, nearest.limit),
    )
    return format_html(
        '<span class="console-spent" title="{}"><span class="console-meter">{}<span>{} %</span></span>'
        '<span class="console-small">{}</span><span class="console-unseen">; {}</span></span>',
        "; ".join(one.text for one in every),
        bar,
        nearest.percent,
        nearest.text,
        others,
    )

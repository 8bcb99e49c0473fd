from __future__ import annotations

from datetime import datetime

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from autonomy.console import figures
from autonomy.console.read_only import NewestInline, RunRows, run_link
from turnitin.models import Report


class Columns:
    @display(description="Report")
    def address(self, report: Report) -> SafeString | str:
        """A link only if it is one: a row may hold any text. What the Core API calls an address opens in no browser."""
        if report.via == Report.Via.CORE_API:
            address = reverse("admin:turnitin_cycle_change", args=[report.cycle_id])
            return format_html(
                '<a class="text-link" href="{}">At Turnitin: see hand-off\u00a0{}</a>', address, report.cycle.number
            )
        if not report.report_url.startswith("https://"):
            return report.report_url
        return format_html(
            '<a class="text-link" href="{0}" rel="noopener noreferrer">{0}</a>',
            report.report_url,
        )

    @display(description="Similarity")
    def similarity(self, report: Report) -> str:
        return figures.similarity(report.observed_similarity)

    @display(description="Counts", boolean=True)
    def counts(self, report: Report) -> bool:
        """Of a cycle's deliveries one counts: the newest with a figure that came in time."""
        return report.pk == report.cycle.report_id


@admin.register(Report)
class ReportAdmin(Columns, RunRows):
    run = "cycle__run"
    list_display = ["received", "run_title", "hand_off", "similarity", "counts", "address", "via", "delivered_by"]
    list_display_links = ["received"]
    sortable_by = ["received"]
    search_fields = ["report_url", "human_uploader_id"]
    search_help_text = "Search by address, uploader, or the run's title or id"
    list_select_related = ["cycle__run", "delivered_by"]
    heavy = ("cycle__run__task_spec", "top_matches")
    ordering = ["-id"]
    list_filter = ["via"]
    fields = ["cycle", "address", "similarity", "counts", "human_uploader_id", "via", "delivered_by", "received_at"]

    @display(description="Received at", ordering="-id")
    def received(self, report: Report) -> datetime:
        return report.received_at

    @display(description="Run")
    def run_title(self, report: Report) -> SafeString:
        return run_link(report.cycle.run_id, report.cycle.run.title)

    @display(description="Hand-off")
    def hand_off(self, report: Report) -> int:
        return report.cycle.number


class ReportInline(Columns, NewestInline):
    model = Report
    tab = False
    fields = ["address", "similarity", "counts", "human_uploader_id", "via", "delivered_by", "received_at"]
    readonly_fields = fields
    ordering = ["-id"]
    hide_title = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Report]:
        return super().get_queryset(request).select_related("cycle", "delivered_by")

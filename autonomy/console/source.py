from __future__ import annotations

from typing import Any
from urllib.parse import quote

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from autonomy.console import figures
from autonomy.console.read_only import RunRows, run_link, shortened
from autonomy.models import Source
from autonomy.selectors.passages import window
from autonomy.tools.web_search import reading

STATUS_LABELS = {"pending": "info", "read": "success", "skipped": "warning"}


class OriginFilter(admin.SimpleListFilter):
    """From the list of origins, not from the rows."""

    title = "origin"
    parameter_name = "origin"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [(origin, origin) for origin in ("inline", "upload", "search")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Source]) -> QuerySet[Source]:
        return queryset.filter(origin=self.value()) if self.value() else queryset


@admin.register(Source)
class SourceAdmin(RunRows):
    list_display = ["title_line", "status_label", "run_title", "key", "origin", "words", "reason", "age"]
    list_filter = ["status", OriginFilter]
    search_fields = ["title", "key", "filename"]
    search_help_text = "Search by title, key or file name, or by the run's title or id"
    heavy = ("original", "headings", "csl", "run__task_spec")
    ordering = ["-id"]
    change_form_outer_after_template = "console/passages.html"
    fieldsets = [
        (None, {"fields": ["run", "key", "title", "status", "skipped_reason"]}),
        ("File", {"fields": ["filename", "origin", "media_type", "words", "sha256", "created_at"]}),
        ("Reference", {"fields": ["link", "csl", "outline"]}),
    ]

    @display(description="Title")
    def title_line(self, source: Source) -> str:
        return shortened(source.title, 80)

    @display(description="Status", label=STATUS_LABELS)
    def status_label(self, source: Source) -> tuple[str, str]:
        return source.status, source.get_status_display()

    @display(description="Run")
    def run_title(self, source: Source) -> SafeString:
        return run_link(source.run_id, source.run.title)

    @display(description="Link")
    def link(self, source: Source) -> SafeString | str:
        """Where the work is, by its DOI or its address. Metadata comes from outside: only http and https are links."""
        return reference_link(source) or "–"

    @display(description="Headings")
    def outline(self, source: Source) -> SafeString:
        return format_html_join("", '<span class="console-line">{}</span>', ((str(one),) for one in source.headings))

    @display(description="Why skipped")
    def reason(self, source: Source) -> str:
        return shortened(source.skipped_reason, 90)

    @display(description="Age", ordering="-id")
    def age(self, source: Source) -> SafeString | str:
        return figures.age(source.created_at)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        page = super().change_view(request, object_id, form_url, extra_context)
        if isinstance(page, TemplateResponse) and page.context_data is not None:
            page.context_data |= _text(request, page.context_data["original"].pk)
        return page


def _text(request: HttpRequest, source_id: int) -> dict[str, Any]:
    """The text around `?passage=`, which is marked, or from `?from=` on."""
    asked, first = (_position(request.GET.get(name, "")) for name in ("passage", "from"))
    text = window(source_id, around=asked, first=first)
    is_lost = asked is not None and first is None and asked not in {one["position"] for one in text["passages"]}
    if is_lost or not text["passages"]:
        text = window(source_id)
    return {"text": text, "cited": None if is_lost else asked, "asked": asked, "is_lost": is_lost and text["passages"]}


def _position(given: str) -> int | None:
    return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else None


def reference_link(source: Source) -> SafeString | str:
    """To the work, by its DOI or its address; empty where neither is known."""
    doi, url = reading.doi(source.csl.get("DOI")), reading.url(source.csl.get("URL"))
    address = f"https://doi.org/{quote(doi)}" if doi else url
    if not address:
        return ""
    return format_html('<a class="text-link" href="{0}" target="_blank" rel="noopener noreferrer">{0}</a>', address)

"""What the run may cite, and what it could not read."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from autonomy.console.source import reference_link
from autonomy.models import Run, Source

# A run takes some tens of sources, and finds some more: a bound for what nobody foresaw.
MOST = 500
ICONS = {
    Source.Status.PENDING: ("hourglass_top", "plain"),
    Source.Status.READ: ("check", "good"),
    Source.Status.SKIPPED: ("warning", "warn"),
}
ORIGINS = {"search": "found by a search", "inline": "pasted", "upload": "uploaded"}


def read(request: HttpRequest, run: Run) -> dict[str, Any]:
    found = list(Source.objects.filter(run=run).defer("original", "headings").order_by("pk")[: MOST + 1])
    return {
        "rows": [_row(source) for source in found[:MOST]],
        "more": len(found) > MOST,
        "all": f"{reverse('admin:autonomy_source_changelist')}?run__id__exact={run.pk}",
        "may_search": bool(run.task_spec.get("web_search")),
    }


def _row(source: Source) -> dict[str, Any]:
    icon, tone = ICONS[Source.Status(source.status)]
    return {
        "address": reverse("admin:autonomy_source_change", args=[source.pk]),
        "title": source.title,
        "key": source.key,
        "status": source.get_status_display(),
        "why": source.skipped_reason,
        "icon": icon,
        "tone": tone,
        "where": (reference_link(source) if source.origin == "search" else "") or source.filename,
        "words": f"{source.words:,} words" if source.words else "",
        "origin": ORIGINS.get(source.origin, source.origin),
    }

"""Where a run was forked from, and what was forked from it."""

from __future__ import annotations

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from autonomy.console.read_only import run_link
from autonomy.models import Checkpoint, Run

SHOWN = 10


def origin(run: Run, linked: bool) -> SafeString | str:
    """The run it comes from and the checkpoint it began with, with `linked` as a link; empty if it is no fork."""
    if run.forked_from_id is None:
        return ""
    title = Run.objects.only("title").get(pk=run.forked_from_id).title
    link = run_link(run.forked_from_id, title)
    begun_with: str = run.forked_from_checkpoint
    of_origin = Checkpoint.objects.filter(run=run.forked_from_id, namespace="", checkpoint_id=begun_with)
    found = of_origin.only("pk").first() if linked else None
    if found is None:
        return format_html("{}, at checkpoint {}", link, begun_with)
    address = reverse("admin:autonomy_checkpoint_change", args=[found.pk])
    return format_html('{}, at checkpoint <a class="text-link" href="{}">{}</a>', link, address, begun_with)


def forks(run: Run) -> SafeString:
    """Links to its forks, the newest first; empty if there are none."""
    found = list(run.forks.only("title").order_by("-created_at")[: SHOWN + 1])
    links = ((run_link(one.pk, one.title),) for one in found[:SHOWN])
    lines = format_html_join("", '<span class="console-line">{}</span>', links)
    if len(found) > SHOWN:
        address = f"{reverse('admin:autonomy_run_changelist')}?forked_from__id__exact={run.pk}"
        lines += format_html('<a class="text-link" href="{}">All forks of this run</a>', address)
    return lines

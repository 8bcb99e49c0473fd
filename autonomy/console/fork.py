"""Where a run was forked from, and what was forked from it."""

from __future__ import annotations

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from autonomy.console.read_only import ReadOnlyAdmin, run_link
from autonomy.models import Checkpoint, Run

SHOWN = 10


class ForkFields(ReadOnlyAdmin):
    @display(description="Forked from")
    def origin(self, run: Run) -> SafeString | str:
        if run.forked_from_id is None:
            return "–"
        origin = Run.objects.only("title").get(pk=run.forked_from_id)
        return run_link(origin.pk, origin.title)

    @display(description="At checkpoint")
    def origin_checkpoint(self, run: Run) -> SafeString | str:
        begun_with = Checkpoint.objects.filter(
            run=run.forked_from_id, namespace="", checkpoint_id=run.forked_from_checkpoint
        )
        found = begun_with.only("pk").first()
        if found is None:
            return run.forked_from_checkpoint or "–"
        address = reverse("admin:autonomy_checkpoint_change", args=[found.pk])
        return format_html('<a class="text-link" href="{}">{}</a>', address, run.forked_from_checkpoint)

    @display(description="Forks")
    def forks(self, run: Run) -> SafeString | str:
        found = list(run.forks.only("title").order_by("-created_at")[: SHOWN + 1])
        links = ((run_link(one.pk, one.title),) for one in found[:SHOWN])
        lines = format_html_join("", '<span class="console-line">{}</span>', links)
        if len(found) > SHOWN:
            address = f"{reverse('admin:autonomy_run_changelist')}?forked_from__id__exact={run.pk}"
            lines += format_html('<a class="text-link" href="{}">All forks of this run</a>', address)
        return lines or "–"

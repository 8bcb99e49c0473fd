"""Turnitin's card on a run's page: the newest hand-off, what can be done about it, and all hand-offs there were."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.http import HttpRequest

from autonomy.console.panel import Panel
from autonomy.models import Run
from turnitin.console.hand_off import told
from turnitin.models import Cycle, Report

# A page has to stay a page: hand-offs are few, but anybody with the secret may deliver again and again.
SHOWN_HAND_OFFS = 30
SHOWN_DELIVERIES = 60


def read(request: HttpRequest, run: Run) -> dict[str, Any] | None:
    may_view = request.user.has_perm("turnitin.view_cycle")
    if not may_view and not request.user.has_perm("turnitin.deliver_report"):
        return None
    rows = Cycle.objects.filter(run=run).select_related("submission", "report__delivered_by").order_by("-number")
    cycles = list(rows[:SHOWN_HAND_OFFS])
    deliveries = deliveries_of(cycles) if may_view else {}
    for one in cycles:
        one.run = run
    hand_offs = [told(one, request.user, deliveries.get(one.pk, ())) for one in cycles]
    return {
        "newest": hand_offs[0] if hand_offs else None,
        "hand_offs": hand_offs if may_view else [],
        "may_view": may_view,
    }


def deliveries_of(cycles: list[Cycle]) -> dict[Any, list[Report]]:
    """What the inbox has for these cycles, the newest first."""
    found: dict[Any, list[Report]] = defaultdict(list)
    rows = Report.objects.filter(cycle__in=cycles).select_related("delivered_by").defer("top_matches").order_by("-id")
    for report in rows[:SHOWN_DELIVERIES]:
        found[report.cycle_id].append(report)
    return found


HAND_OFFS = Panel(card="console/hand_offs.html", read=read)

"""Turnitin's panel on a run's page: its cycles and their documents."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from autonomy.console import figures
from autonomy.console.panel import Panel
from autonomy.models import Run
from turnitin.console.cycle import STATE_LABELS, labelled_state
from turnitin.console.outlook import needs_person, outlook
from turnitin.models import Cycle


def read(request: HttpRequest, run: Run) -> dict[str, Any] | None:
    if not (request.user.has_perm("turnitin.view_cycle") or request.user.has_perm("turnitin.deliver_report")):
        return None
    cycles = list(Cycle.objects.filter(run=run).select_related("submission").order_by("-number"))
    newest = cycles[0] if cycles else None
    may_view = request.user.has_perm("turnitin.view_cycle")
    awaiting = newest if newest and newest.state == Cycle.State.AWAITING_REPORT and not run.ended else None
    at_turnitin = {one.pk: getattr(one, "submission", None) for one in cycles}
    awaited = at_turnitin[awaiting.pk] if awaiting else None
    return {
        "may_view": may_view,
        "may_deliver": request.user.has_perm("turnitin.deliver_report"),
        "awaiting": awaiting,
        "outlook": outlook(awaiting, awaited) if awaiting else "",
        "needs_person": needs_person(awaited),
        "cycles": [
            {
                "cycle": one,
                "state": labelled_state(one)[1],
                "variant": STATE_LABELS[labelled_state(one)[0]],
                "submission": at_turnitin[one.pk],
                "observed": figures.similarity(one.observed_similarity),
                "target": figures.similarity(one.target_similarity),
                "opened": figures.age(one.opened_at),
            }
            for one in cycles
        ],
    }


HAND_OFFS = Panel(card="console/hand_offs.html", read=read)

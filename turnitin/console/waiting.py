"""Runs whose report has to come from a person. Those whose report Turnitin brings by itself need nobody."""

from __future__ import annotations

from django.conf import settings
from django.db.models import Count, Q
from django.http import HttpRequest
from django.urls import reverse

from autonomy.console.concern import SHOWN, Concern, Found, Matter
from autonomy.models import Run
from turnitin.models import Cycle, Submission


def for_person() -> Q:
    """Cycles that await their report and to which `needs_person` applies."""
    if settings.ENV.turnitin_mode != "core_api":
        return Q()
    return Q(submission__isnull=True) | ~Q(submission__state__in=Submission.UNDER_WAY)


def read(request: HttpRequest) -> Found:
    """Two queries."""
    awaiting = Cycle.objects.filter(
        state=Cycle.State.AWAITING_REPORT, withdrawn_at__isnull=True, run__status=Run.Status.WAITING_HUMAN
    )
    counts = {"all": Count("pk")}
    if by_itself := ~for_person() if for_person() else None:
        overdue = by_itself & Q(submission__overdue_at__isnull=False)
        counts |= {"by_itself": Count("pk", filter=by_itself), "overdue": Count("pk", filter=overdue)}
    counted = {"by_itself": 0, "overdue": 0} | awaiting.aggregate(**counts)
    longest = awaiting.filter(for_person()).select_related("run__user", "submission").defer("run__task_spec")
    may_deliver = request.user.has_perm("turnitin.deliver_report")
    sees_why = may_deliver or request.user.has_perm("turnitin.view_cycle")
    return Found(
        matters=[_matter(cycle, may_deliver, sees_why) for cycle in longest.order_by("opened_at")[:SHOWN]],
        total=counted["all"] - counted["by_itself"],
        note=_note(counted["by_itself"], counted["overdue"]),
    )


def _matter(cycle: Cycle, may_deliver: bool, sees_why: bool) -> Matter:
    return Matter(
        run=cycle.run,
        since=cycle.opened_at,
        reason=_reason(cycle, getattr(cycle, "submission", None) if sees_why else None),
        verb="Deliver the report" if may_deliver else "",
        address=reverse("admin:turnitin_cycle_report", args=[cycle.pk]),
    )


def _reason(cycle: Cycle, submission: Submission | None) -> str:
    if submission and submission.state == Submission.State.FAILED:
        trouble = submission.trouble or "Turnitin gives no report of this document."
        return f"Hand-off {cycle.number}: {trouble}"
    return f"Hand-off {cycle.number} waits for its originality report."


def _note(by_itself: int, overdue: int) -> str:
    if not by_itself:
        return ""
    if by_itself == 1:
        late = " It is overdue; Turnitin is asked on." if overdue else ""
        return f"1 run waits for a report that Autonomy fetches from Turnitin; nobody has to do anything.{late}"
    late = f" Overdue: {overdue:,}; Turnitin is asked on." if overdue else ""
    return f"{by_itself:,} runs wait for reports that Autonomy fetches from Turnitin; nobody has to do anything.{late}"


WAITING = Concern(
    title="Waiting for a report",
    icon="hourglass_top",
    since="waiting for",
    every="All runs that wait for a report",
    query="status__exact=waiting_human",
    read=read,
)

"""One hand-off as the console tells it: on the run's page, in its history, and on the cycle's own page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import AnonymousUser, User

from autonomy.console import figures
from turnitin.console.outlook import needs_person, outlook
from turnitin.console.report_form import ReportForm
from turnitin.console.similarity_scale import similarity_scale
from turnitin.models import Cycle, Report, Submission

STATE_LABELS = {
    "awaiting_report": "warning",
    "report_ready": "info",
    "accepted": "success",
    "rejected": "danger",
    "withdrawn": "info",
}
ICONS = {
    "awaiting_report": "hourglass_top",
    "report_ready": "mark_email_read",
    "accepted": "check_circle",
    "rejected": "cancel",
    "withdrawn": "block",
}
SUBMISSION_LABELS = {"complete": "success", "failed": "danger", "dropped": "info"} | dict.fromkeys(
    Submission.UNDER_WAY, "warning"
)
_WAYS = {
    Report.Via.API: "over the API",
    Report.Via.SIGNED: "by a signed call",
    Report.Via.CONSOLE: "in the console",
    Report.Via.COMMAND: "by a command",
    Report.Via.CORE_API: "by Autonomy, from Turnitin",
}


def labelled_state(cycle: Cycle) -> tuple[str, str]:
    """As it is labelled: of a cycle whose run was cancelled nothing is awaited."""
    if cycle.withdrawn_at:
        return "withdrawn", "withdrawn"
    return cycle.state, cycle.get_state_display()


def takes_report(cycle: Cycle) -> bool:
    """Whether a delivery may still count: for the first time, or as a correction."""
    return cycle.state in Cycle.OPEN and cycle.withdrawn_at is None and cycle.run.status != "cancelled"


def told(cycle: Cycle, user: User | AnonymousUser, deliveries: Sequence[Report] = ()) -> dict[str, Any]:
    """The context of the templates in console/hand_off/; no query where run, submission and report are read.

    `deliveries`: what the inbox has for the cycle, the newest first.
    """
    submission: Submission | None = getattr(cycle, "submission", None)
    state, state_text = labelled_state(cycle)
    may_deliver = user.has_perm("turnitin.deliver_report")
    open_for_report = takes_report(cycle) and may_deliver
    may_see_reports = user.has_perm("turnitin.view_report")
    counting = cycle.report if cycle.report_id and may_see_reports else None
    return {
        "cycle": cycle,
        "state_text": state_text,
        "state_variant": STATE_LABELS[state],
        "state_icon": ICONS[state],
        "outlook": outlook(cycle, submission),
        "scale": similarity_scale(cycle.observed_similarity, cycle.target_similarity),
        "delivered": _delivered(counting) if counting else "",
        "report_url": counting.report_url if counting and _leads_to_people(counting) else "",
        "set_aside": [_set_aside(one, cycle) for one in deliveries if one.pk != cycle.report_id and may_see_reports],
        "form": ReportForm(auto_id="report_%s") if open_for_report else None,
        "corrects": cycle.state == Cycle.State.REPORT_READY,
        "needs_person": needs_person(submission),
        "submission": submission,
        "submission_variant": SUBMISSION_LABELS[submission.state] if submission else "",
        "submission_similarity": figures.similarity(submission.similarity) if submission else "",
        "observed": figures.similarity(cycle.observed_similarity),
        "late": bool(state == Cycle.State.AWAITING_REPORT and submission and submission.overdue_at),
        "figure_changed": bool(submission and submission.similarity not in (None, cycle.observed_similarity)),
        "may_ask": bool(may_deliver and submission and submission.state != Submission.State.DROPPED),
        "may_view": user.has_perm("turnitin.view_cycle"),
        "may_view_submission": user.has_perm("turnitin.view_submission"),
    }


def _delivered(report: Report) -> str:
    way = _WAYS[Report.Via(report.via)]
    who = f"by {report.delivered_by.get_username()}, {way}" if report.delivered_by else way
    return f"{who}; uploaded by {report.human_uploader_id}" if report.human_uploader_id else who


def _leads_to_people(report: Report) -> bool:
    """What the Core API calls an address opens in no browser."""
    return report.via != Report.Via.CORE_API and report.report_url.startswith("https://")


def _set_aside(report: Report, cycle: Cycle) -> dict[str, Any]:
    """A delivery that does not count, and why."""
    if report.too_late:
        why = "It came too late."
    elif report.observed_similarity is None:
        why = "It had no similarity."
    elif cycle.report_id:
        why = "Another one took its place."
    else:
        why = "It does not count."
    return {
        "received_at": report.received_at,
        "figure": figures.similarity(report.observed_similarity),
        "delivered": _delivered(report),
        "why": why,
    }

"""The inbox: one delivery of an originality report, from the API, the console, the command or Turnitin's Core API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from autonomy.episodes.kinds import Kind
from autonomy.episodes.record import NewEpisode, append, lock
from autonomy.errors import Conflict, NotFound
from autonomy.models import Job, Run
from autonomy.runtime import queue
from autonomy.text.percent import percent
from turnitin import cycles
from turnitin.models import Cycle, Report


def deliver_report(
    *,
    run_id: UUID,
    cycle_id: UUID,
    report_url: str,
    observed_similarity: float | None,
    human_uploader_id: str = "",
    top_matches: Sequence[dict[str, Any]] = (),
    via: str = Report.Via.API,
    actor: User | None,
) -> Report:
    """Take a delivery in and resume the run once. The same delivery again changes nothing and is answered the same.

    1. The run is locked, so that deliveries for it come one after the other.
    2. The inbox row is inserted; a double cannot be, and ends here with the answer of the first. Only one that came
       too late is looked at again: the run may wait for it now.
    3. A figure for an awaiting cycle makes it ready and enqueues the one resume job. A figure for a ready cycle whose
       job has not run yet corrects it. A delivery without a figure, or one that comes too late, is kept and told, and
       changes neither.

    A double has the same cycle, address and figure. So a figure that was corrected cannot be gone back to with the same
    address: that delivery cannot be told from a late repetition of the first.

    Raises NotFound for a cycle of another run, Conflict for a new delivery that comes too late (it is kept).
    """
    with transaction.atomic():
        try:
            run = lock(run_id)
            cycle = Cycle.objects.select_related("report").get(pk=cycle_id, run=run)
        except (Run.DoesNotExist, Cycle.DoesNotExist):
            raise NotFound(
                "This run has no such cycle; the snapshot of the run names the one that waits.", cycle_id=str(cycle_id)
            ) from None
        report, new = Report.objects.get_or_create(
            cycle=cycle,
            report_url=report_url,
            # A minus before nothing is nothing, and would be told otherwise.
            observed_similarity=None if observed_similarity is None else observed_similarity + 0.0,
            defaults={
                "human_uploader_id": human_uploader_id,
                "top_matches": list(top_matches),
                "via": via,
                "delivered_by": actor,
                "cycle_state": cycle.state,
            },
        )
        if new or report.too_late:
            told = _taken_in(run, cycle, report)
            report.too_late = told is None
            if told is None and new and via != Report.Via.CORE_API:
                told = _left_aside(cycle, report)
            if told:
                kind, message, data = told
                append(run, [NewEpisode(kind, message, data, actor_id=actor.pk if actor else None)])
                run.save(update_fields=["status", "last_seq", "updated_at"])
            cycle.refresh_from_db()
            report.cycle_state, report.resume_job = cycle.state, cycle.resume_job
            report.save(update_fields=["too_late", "cycle_state", "resume_job"])
    if report.too_late:
        raise Conflict(
            f"The cycle is {report.cycle_state}: {_why_too_late(cycle)}. The delivery is kept in the inbox.",
            state=report.cycle_state,
            cycle_id=str(cycle.pk),
        )
    return report


def _taken_in(run: Run, cycle: Cycle, report: Report) -> tuple[str, str, dict[str, Any]] | None:
    """Act on a new delivery: the episode that tells of it, or None if it comes too late to change anything."""
    if cycle.withdrawn_at is not None:
        return None
    waiting = cycle.state == Cycle.State.AWAITING_REPORT
    if not waiting and not _is_unread(run, cycle):
        return None
    figure, before = report.observed_similarity, cycle.observed_similarity
    data = _as_data(cycle, report)
    if figure is None:
        what_follows = (
            "the run waits on for the figure" if before is None else f"the {percent(before)} of another one stand"
        )
        return Kind.REPORT_INCOMPLETE, f"A report came without a similarity; {what_follows}.", data
    if waiting:
        # A run that failed meanwhile finds it when it is retried.
        cycles.mark_ready(report, None if run.ended else queue.enqueue_resume(run.pk))
        if run.status == Run.Status.WAITING_HUMAN:
            run.status = Run.Status.QUEUED
        return Kind.REPORT_RECEIVED, f"The originality report is here: a similarity of {percent(figure)}.", data
    assert before is not None, "a cycle that is ready has a figure"
    cycles.correct(report)
    data |= {"corrected": True, "observed_before": before}
    was = f"not {percent(before)}" if figure != before else "as before, at another address"
    return Kind.REPORT_RECEIVED, f"The report was corrected before use: a similarity of {percent(figure)}, {was}.", data


def _left_aside(cycle: Cycle, report: Report) -> tuple[str, str, dict[str, Any]]:
    """The episode of a delivery that comes too late, told once. What Turnitin has later is told by those who ask it."""
    figure = report.observed_similarity
    what = "without a similarity" if figure is None else f"with a similarity of {percent(figure)}"
    message = f"A report {what} came too late for hand-off {cycle.number}: {_why_too_late(cycle)}. It changes nothing."
    return Kind.REPORT_TOO_LATE, message, _as_data(cycle, report)


def _as_data(cycle: Cycle, report: Report) -> dict[str, Any]:
    return {
        "cycle_id": str(cycle.pk),
        "report_url": report.report_url,
        "observed_similarity": report.observed_similarity,
        "human_uploader_id": report.human_uploader_id,
        "via": report.via,
    }


def _is_unread(run: Run, cycle: Cycle) -> bool:
    """Whether the cycle's report can be corrected still: nobody has it, and nobody had it.

    Once the resume is committed the figure is in the run's state, and a correction would only contradict it.
    """
    if cycle.state != Cycle.State.REPORT_READY or run.route != "turnitin_pause":
        return False
    resumes = Job.objects.filter(run=run, kind=Job.Kind.RESUME)
    return run.ended or resumes.filter(state=Job.State.QUEUED).exists()


def _why_too_late(cycle: Cycle) -> str:
    if cycle.withdrawn_at is not None:
        return "the run was cancelled"
    if cycle.state in Cycle.OPEN:
        return "the run is using its report already"
    return "its report has been judged already"

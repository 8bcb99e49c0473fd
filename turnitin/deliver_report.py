"""The inbox: one delivery of an originality report, from the API or from the console."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from autonomy.episodes.kinds import Kind
from autonomy.episodes.record import NewEpisode, append, lock
from autonomy.errors import Conflict, NotFound
from autonomy.models import Job, Run
from autonomy.runtime import queue
from turnitin import cycles
from turnitin.models import Cycle, Report


def deliver_report(
    *,
    run_id: UUID,
    cycle_id: UUID,
    report_url: str,
    observed_similarity: float | None,
    human_uploader_id: str = "",
    actor: User | None,
) -> Report:
    """Take a delivery in and resume the run once. The same delivery again changes nothing and is answered the same.

    1. The run is locked, so that deliveries for it come one after the other.
    2. The inbox row is inserted; a double cannot be, and ends here with the answer of the first. Only one that came
       too late is looked at again: the run may wait for it now.
    3. A figure for an awaiting cycle makes it ready and enqueues the one resume job. A delivery without a figure is
       kept, and the run waits on. A figure for a ready cycle whose job has not run yet corrects it.

    Raises NotFound for a cycle of another run, Conflict for a new delivery that comes too late (it is kept).
    """
    with transaction.atomic():
        try:
            run = lock(run_id)
            cycle = Cycle.objects.select_related("resume_job").get(pk=cycle_id, run=run)
        except (Run.DoesNotExist, Cycle.DoesNotExist):
            raise NotFound(
                "This run has no such cycle; the snapshot of the run names the one that waits.", cycle_id=str(cycle_id)
            ) from None
        report, new = Report.objects.get_or_create(
            cycle=cycle,
            report_url=report_url,
            observed_similarity=observed_similarity,
            defaults={
                "human_uploader_id": human_uploader_id,
                "delivered_by": actor,
                "cycle_state": cycle.state,
            },
        )
        if new or report.too_late:
            report.too_late = not _take_in(run, cycle, observed_similarity, report_url, human_uploader_id, actor)
            cycle.refresh_from_db()
            report.cycle_state, report.resume_job = cycle.state, cycle.resume_job
            report.save(update_fields=["too_late", "cycle_state", "resume_job"])
            run.save(update_fields=["status", "last_seq", "updated_at"])
    if report.too_late:
        judged = report.cycle_state not in Cycle.OPEN
        why = "its report has been judged already" if judged else "the run does not wait for a report"
        raise Conflict(
            f"The cycle is {report.cycle_state}: {why}. The delivery is kept in the inbox.",
            state=report.cycle_state,
            cycle_id=str(cycle.pk),
        )
    return report


def _take_in(run: Run, cycle: Cycle, similarity: float | None, url: str, uploader: str, actor: User | None) -> bool:
    """Act on a new delivery; False if it comes too late to change anything."""
    waiting = cycle.state == Cycle.State.AWAITING_REPORT and cycle.withdrawn_at is None
    # Once the resume is committed the figure is in the run's state, and a correction would only contradict it.
    live = Job.objects.filter(run=run, kind=Job.Kind.RESUME, state__in=[Job.State.QUEUED, Job.State.RUNNING]).first()
    # No job, and the run has not ended: the critic could not use the figure, and the run waits for another one.
    unread = run.route == "turnitin_pause" and (run.ended or live is None or live.state == Job.State.QUEUED)
    correctable = cycle.state == Cycle.State.REPORT_READY and cycle.withdrawn_at is None and unread
    if not waiting and not correctable:
        return False
    data: dict[str, Any] = {
        "cycle_id": str(cycle.pk), "report_url": url, "observed_similarity": similarity, "human_uploader_id": uploader
    }  # fmt: skip
    if similarity is None:
        kind, message = Kind.REPORT_INCOMPLETE, "A report came without a similarity; the run waits on for the figure."
    elif waiting:
        # A run that failed meanwhile finds it when it is retried.
        cycles.mark_ready(cycle, similarity, None if run.ended else queue.enqueue_resume(run.pk))
        if run.status == Run.Status.WAITING_HUMAN:
            run.status = Run.Status.QUEUED
        kind, message = Kind.REPORT_RECEIVED, f"The originality report is here: a similarity of {similarity:.0%}."
    else:
        cycles.correct(cycle, similarity)
        if live is None and not run.ended:
            cycles.resume_by(cycle, queue.enqueue_resume(run.pk))
            if run.status == Run.Status.WAITING_HUMAN:
                run.status = Run.Status.QUEUED
        kind, message = Kind.REPORT_RECEIVED, f"The report was corrected before use: a similarity of {similarity:.0%}."
    append(run, [NewEpisode(kind, message, data, actor_id=actor.pk if actor else None)])
    return True

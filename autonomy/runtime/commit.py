"""One superstep, one transaction: checkpoint, effects, episodes, run, job and the next job, or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from autonomy.checkpoints.staged import StagedSaver
from autonomy.episodes.kinds import Kind
from autonomy.episodes.record import NewEpisode, append, lock
from autonomy.errors import LeaseLost
from autonomy.models import Job, Run
from autonomy.runtime import queue
from autonomy.runtime.ending import cancel, end
from autonomy.runtime.queue import Claim
from autonomy.runtime.unit_of_work import UnitOfWork

Then = Literal["go_on", "hand_back", "wait", "end"]

# Delays between attempts at a superstep, in seconds: 2, 4, 8, 16 …
RETRY_DELAY_BASE = 2.0
RETRY_DELAY_CAP = 120.0


@dataclass(frozen=True)
class Superstep:
    """What came of one superstep. `then`: stay on this worker, give the worker to others, pause, or end."""

    state: dict[str, Any]
    seconds: float
    then: Then
    outcome: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Failure:
    """Why an attempt failed, in words for people. `not_before`: seconds a provider asked us to wait."""

    node: str
    text: str
    data: dict[str, Any]
    retryable: bool
    not_before: float = 0.0

    def episode(self, kind: str, message: str, attempt: int, **more: Any) -> NewEpisode:
        return NewEpisode(kind, message, self.data | more, self.node, attempt)


def superstep(claim: Claim, unit: UnitOfWork, saver: StagedSaver, done: Superstep) -> Run:
    """Commit a finished superstep. Raises LeaseLost, with nothing written, if the lease is no longer ours."""
    with transaction.atomic():
        run = lock(claim.run_id)
        _close_job(claim) if done.then != "go_on" else _keep_job(claim)
        with connection.cursor() as cursor:
            saver.flush(cursor)
        for write in unit.effects:
            write()
        run.supersteps += 1
        ending = [_ending(done.outcome, done.reason)] if done.then == "end" else []
        append(run, [*unit.episodes, *ending])
        run.route = done.state["route"]
        run.revision = done.state.get("revision", 0)
        _spend_seconds(run, done.seconds)
        if done.then == "end":
            end(run, Run.Status.DONE, done.outcome, done.reason)
        elif done.then == "wait":
            run.status = Run.Status.WAITING_HUMAN
        elif done.then == "hand_back":
            run.status = Run.Status.QUEUED
            queue.enqueue_continue(run.pk, run.priority)
        save(run)
    return run


def nothing_to_resume(claim: Claim, episode: NewEpisode) -> None:
    """Close a resume job that has nothing to deliver; the run goes back to what it was."""
    with transaction.atomic():
        run = lock(claim.run_id)
        _close_job(claim)
        append(run, [episode])
        others = Job.objects.filter(run=run, state=Job.State.QUEUED)
        run.status = Run.Status.QUEUED if others.exists() else Run.Status.WAITING_HUMAN
        save(run)


def cancelled(claim: Claim) -> None:
    """End a run at a boundary, because somebody asked for it."""
    with transaction.atomic():
        run = lock(claim.run_id)
        _close_job(claim, Job.State.CANCELLED)
        cancel(run)
        save(run)


def budget_exceeded(claim: Claim, episode: NewEpisode) -> None:
    """End a run at a boundary, because a limit is used up. The draft so far is kept."""
    with transaction.atomic():
        run = lock(claim.run_id)
        _close_job(claim)
        append(run, [episode, _ending(Run.Outcome.BUDGET_EXCEEDED, episode.message)])
        run.route = "END"
        end(run, Run.Status.DONE, Run.Outcome.BUDGET_EXCEEDED, episode.message)
        save(run)


def attempt_failed(claim: Claim, failure: Failure, *, seconds: float) -> None:
    """Give the job back to the queue, due again after a delay; or fail the run when no attempt is left.

    The attempts are counted in the row: those of a superstep that was committed since count no more.
    """
    with transaction.atomic():
        run = lock(claim.run_id)
        attempt, bound = Job.objects.filter(pk=claim.job_id).values_list("attempt", "max_attempts").get()
        _spend_seconds(run, seconds)
        if not failure.retryable or attempt >= bound:
            _close_job(claim, Job.State.FAILED, last_error=failure.text)
            append(run, [failure.episode(Kind.RUN_FAILED, f"{failure.node} failed: {failure.text}", attempt)])
            end(run, Run.Status.FAILED, Run.Outcome.FAILED, f"{failure.node} failed: {failure.text}")
        else:
            delay = max(failure.not_before, min(RETRY_DELAY_CAP, RETRY_DELAY_BASE * 2.0 ** (attempt - 1)))
            _update_job(
                claim,
                state=Job.State.QUEUED,
                lease_token=None,
                lease_expires_at=None,
                scheduled_at=Now() + timedelta(seconds=delay),
                last_error=failure.text,
            )
            message = f"{failure.node} failed in attempt {attempt} of {bound}: {failure.text}"
            append(run, [failure.episode(Kind.STEP_FAILED, message, attempt, delay=delay)])
            run.status = Run.Status.QUEUED
        save(run)


def _ending(outcome: str, reason: str) -> NewEpisode:
    message = {
        Run.Outcome.ACCEPTED: "The run has ended: the draft is accepted.",
        Run.Outcome.REVISIONS_EXHAUSTED: f"The run has ended without acceptance. {reason}",
    }.get(Run.Outcome(outcome), "The run has ended; the draft so far is kept.")
    return NewEpisode(Kind.RUN_ENDED, message, {"outcome": outcome})


def save(run: Run) -> None:
    # Tokens and usd are left out: the ledger adds to them in transactions of its own.
    run.save(
        update_fields=[
            "status", "outcome", "reason", "route", "revision", "supersteps",
            "last_seq", "spent_seconds", "ended_at", "updated_at",
        ]
    )  # fmt: skip


def _spend_seconds(run: Run, seconds: float) -> None:
    run.spent_seconds = run.spent_seconds + seconds


def _keep_job(claim: Claim) -> None:
    """Progress was made: the attempts count anew, and the lease starts afresh."""
    lease = timedelta(seconds=settings.ENV.autonomy_lease_seconds)
    _update_job(claim, attempt=1, lease_expires_at=Now() + lease)


def _close_job(claim: Claim, state: str = Job.State.DONE, **fields: Any) -> None:
    _update_job(claim, state=state, lease_token=None, lease_expires_at=None, finished_at=timezone.now(), **fields)


def _update_job(claim: Claim, **fields: Any) -> None:
    ours = Job.objects.filter(pk=claim.job_id, state=Job.State.RUNNING, lease_token=claim.token)
    if not ours.update(**fields):
        raise LeaseLost(job_id=claim.job_id)

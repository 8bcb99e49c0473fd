"""What a worker writes of a job it holds: each in one transaction, and nothing once the lease is lost."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from autonomy.checkpoints.staged import StagedSaver
from autonomy.episodes.kinds import Kind
from autonomy.episodes.record import NewEpisode, append, as_json, lock, publish
from autonomy.errors import BudgetExceeded, LeaseLost
from autonomy.models import Job, Run, statements
from autonomy.runtime import queue
from autonomy.runtime.ending import cancel, cancel_if_idle, end
from autonomy.runtime.handoff import handoff_class
from autonomy.runtime.limits import exceeded, still_exceeded
from autonomy.runtime.queue import Claim
from autonomy.runtime.unit_of_work import UnitOfWork
from autonomy.telemetry import tracing

Then = Literal["go_on", "hand_back", "wait", "end"]
STATUS: dict[Then, str] = {
    "go_on": Run.Status.RUNNING,
    "hand_back": Run.Status.QUEUED,
    "wait": Run.Status.WAITING_HUMAN,
    "end": Run.Status.DONE,
}

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


def superstep(claim: Claim, run: Run, unit: UnitOfWork, saver: StagedSaver, done: Superstep) -> None:
    """Commit a finished superstep: checkpoint, effects, episodes, run, job and the next job, or nothing.

    One round trip, and two more where the node has effects. `run` then has what its row says. Raises LeaseLost, with
    nothing written, if the lease is no longer ours.
    """
    ending = [_ending(done.outcome, done.reason)] if done.then == "end" else []
    episodes = [*unit.episodes, *ending]
    parameters = {
        "run": claim.run_id,
        "job": claim.job_id,
        "token": claim.token,
        "keeps_job": done.then == "go_on",
        "lease": settings.ENV.autonomy_lease_seconds,
        "max_attempts": settings.ENV.autonomy_job_attempts,
        "status": STATUS[done.then],
        "outcome": done.outcome,
        "reason": done.reason,
        "route": done.state["route"],
        "revision": done.state.get("revision", 0),
        "seconds": done.seconds,
        **saver.take().parameters(),
        "episodes": as_json(episodes),
    }
    with transaction.atomic() if unit.effects else contextlib.nullcontext():
        rows = statements.execute(statements.COMMIT, parameters)
        if not rows:
            raise LeaseLost(job_id=claim.job_id)
        began = time.monotonic()
        for write in unit.effects:
            write()
        if done.then == "go_on" and time.monotonic() - began > parameters["lease"] / 4:
            statements.execute(statements.RENEW, parameters)
    for name, value in zip(statements.MOVED_BY_OTHERS, rows[0], strict=True):
        setattr(run, name, value)
    run.status, run.route, run.outcome = parameters["status"], parameters["route"], done.outcome
    publish(run.pk, episodes[-1].kind, run.last_seq)
    if done.then == "end":
        tracing.run_ended(run)
    if done.then == "hand_back":
        queue.hint()
    if done.then in ("wait", "hand_back") and run.cancel_requested_at:
        cancel_if_idle(run.pk)


def nothing_to_resume(claim: Claim, cycle_id: str, episode: NewEpisode) -> None:
    """Close a resume job that has nothing to deliver; the run goes back to what it was."""
    with transaction.atomic():
        run = lock(claim.run_id)
        if handoff_class().has_report(run.pk, cycle_id):
            # It came while we looked, and relies on this job.
            _requeue(claim, run, scheduled_at=Now())
            run.save_progress()
            return
        _close_job(claim)
        append(run, [episode])
        others = Job.objects.filter(run=run, state=Job.State.QUEUED)
        run.status = Run.Status.QUEUED if others.exists() else Run.Status.WAITING_HUMAN
        _cancel_if_asked(run)
        run.save_progress()


def cancelled(claim: Claim) -> None:
    """End a run at a boundary, because somebody asked for it."""
    with transaction.atomic():
        run = lock(claim.run_id)
        _close_job(claim, Job.State.CANCELLED)
        cancel(run)
        run.save_progress()


def budget_exceeded(claim: Claim, node: str) -> bool:
    """End a run at a boundary, if a limit is used up. The draft so far is kept."""
    with transaction.atomic():
        run = lock(claim.run_id)
        # Asked again now: somebody may have raised it.
        if (over := exceeded(run)) is None:
            return False
        _end_for(over, claim, run, node)
    return True


def budget_exceeded_within(
    claim: Claim, node: str, over: BudgetExceeded, *, seconds: float, saver: StagedSaver
) -> None:
    """End a run in the middle of a superstep, because its next call could cross a limit.

    What the superstep's finished nodes wrote is kept, and not paid again when the run goes on.
    """
    with transaction.atomic():
        run = lock(claim.run_id)
        run.spent_seconds += seconds
        _keep_writes(run, saver)
        if still := still_exceeded(over, run):
            _end_for(still, claim, run, node)
        else:
            # Somebody has raised it: the superstep is tried again, and no attempt is counted.
            _requeue(claim, run, scheduled_at=Now(), attempt=F("attempt") - 1)
            run.save_progress()
            transaction.on_commit(queue.hint)


def _end_for(over: BudgetExceeded, claim: Claim, run: Run, node: str) -> None:
    _close_job(claim)
    episode = NewEpisode(Kind.BUDGET_EXCEEDED, over.message, {"budget_exceeded": True, **over.details}, node=node)
    append(run, [episode, _ending(Run.Outcome.BUDGET_EXCEEDED, over.message)])
    run.route = "END"
    end(run, Run.Status.DONE, Run.Outcome.BUDGET_EXCEEDED, over.message)
    run.save_progress()


def _keep_writes(run: Run, saver: StagedSaver) -> None:
    finished = saver.take_writes()
    if finished.writes:
        statements.execute(statements.PUT, {"run": run.pk, **finished.parameters()})


def attempt_failed(
    claim: Claim, failure: Failure, *, superstep: int | None, seconds: float, saver: StagedSaver | None
) -> None:
    """Give the job back to the queue, due again after a delay; or fail the run when no attempt is left.

    `superstep` is the number of the one that was under way. The attempts are counted in the row: those of a superstep
    that was committed since count no more.
    """
    with transaction.atomic():
        run = lock(claim.run_id)
        if superstep is not None and run.supersteps >= superstep:
            # It was committed: only the answer of the database was lost.
            _requeue(claim, run, scheduled_at=Now())
            run.save_progress()
            return
        attempt, bound = Job.objects.filter(pk=claim.job_id).values_list("attempt", "max_attempts").get()
        run.spent_seconds += seconds
        if saver:
            _keep_writes(run, saver)
        if not failure.retryable or attempt >= bound:
            _close_job(claim, Job.State.FAILED, last_error=failure.text)
            append(run, [failure.episode(Kind.RUN_FAILED, f"{failure.node} failed: {failure.text}", attempt)])
            end(run, Run.Status.FAILED, Run.Outcome.FAILED, f"{failure.node} failed: {failure.text}")
        else:
            delay = max(failure.not_before, min(RETRY_DELAY_CAP, RETRY_DELAY_BASE * 2.0 ** (attempt - 1)))
            told = f"{failure.node} failed in attempt {attempt} of {bound}: {failure.text}"
            message = f"{told} The next attempt follows in {delay:.0f} s."
            append(run, [failure.episode(Kind.STEP_FAILED, message, attempt, delay=delay)])
            _requeue(claim, run, scheduled_at=Now() + timedelta(seconds=delay), last_error=failure.text)
        run.save_progress()


def given_back(claim: Claim) -> None:
    """Give the job back because this worker is told to stop: due at once, and no attempt is counted for it."""
    with transaction.atomic():
        run = lock(claim.run_id)
        message = f"The worker is stopping: {run.route} is given back, and starts anew on another."
        append(run, [NewEpisode(Kind.STEP_GIVEN_BACK, message, {"worker": queue.worker_name()}, run.route)])
        _requeue(claim, run, scheduled_at=Now(), attempt=F("attempt") - 1)
        run.save_progress()
    queue.hint()


def _ending(outcome: str, reason: str) -> NewEpisode:
    message = {
        Run.Outcome.ACCEPTED: "The run has ended: the draft is accepted.",
        Run.Outcome.REVISIONS_EXHAUSTED: f"The run has ended without acceptance. {reason}",
    }.get(Run.Outcome(outcome), "The run has ended; the draft so far is kept.")
    return NewEpisode(Kind.RUN_ENDED, message, {"outcome": outcome})


def _requeue(claim: Claim, run: Run, **fields: Any) -> None:
    _update_job(claim, state=Job.State.QUEUED, lease_token=None, lease_expires_at=None, **fields)
    run.status = Run.Status.QUEUED
    _cancel_if_asked(run)


def _cancel_if_asked(run: Run) -> None:
    """No worker has the run any more, so nobody else would."""
    if run.cancel_requested_at:
        cancel(run)


def _close_job(claim: Claim, state: str = Job.State.DONE, **fields: Any) -> None:
    _update_job(claim, state=state, lease_token=None, lease_expires_at=None, finished_at=Now(), **fields)


def _update_job(claim: Claim, **fields: Any) -> None:
    ours = Job.objects.filter(pk=claim.job_id, state=Job.State.RUNNING, lease_token=claim.token)
    if not ours.update(**fields):
        raise LeaseLost(job_id=claim.job_id)

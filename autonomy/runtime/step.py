"""A claimed job, executed: superstep after superstep, until the run ends, pauses, or its time slice is up."""

from __future__ import annotations

import time
from typing import Any

import structlog
from django.conf import settings
from django.db import connections
from django.db.utils import InterfaceError, OperationalError
from langgraph.checkpoint.serde.types import INTERRUPT
from langgraph.types import Command, Interrupt

from autonomy.checkpoints.staged import StagedSaver
from autonomy.episodes.kinds import Kind
from autonomy.episodes.record import NewEpisode
from autonomy.errors import AutonomyError, LeaseLost
from autonomy.models import Episode, Run
from autonomy.ports import NodeContext
from autonomy.runtime import commit
from autonomy.runtime.context import gateway_for, node_context
from autonomy.runtime.graphs import graph_on
from autonomy.runtime.lease import Heartbeat
from autonomy.runtime.limits import exceeded
from autonomy.runtime.queue import Claim
from autonomy.runtime.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)

RETRY_DELAY_CAP = 60.0


def execute(claim: Claim) -> None:
    """Run the job of this claim. Every error ends in the database or, when the lease is lost, in silence."""
    structlog.contextvars.bind_contextvars(run_id=str(claim.run_id), job_id=claim.job_id, attempt=claim.attempt)
    began = time.monotonic()
    node = ""
    try:
        with Heartbeat(claim):
            slice_began = time.monotonic()
            saver = StagedSaver(str(claim.run_id))
            while True:
                began = time.monotonic()
                run = Run.objects.get(pk=claim.run_id)
                node = run.route
                if _ends_at_boundary(claim, run):
                    return
                then = _superstep(claim, run, saver, slice_began)
                if then != "go_on":
                    return
    except LeaseLost:
        log.warning("lease_lost_at_commit", node=node)
    except Exception as error:  # noqa: BLE001 - classed below by the error tree
        _record_failure(claim, node, error, time.monotonic() - began)
    finally:
        structlog.contextvars.clear_contextvars()


def _superstep(claim: Claim, run: Run, saver: StagedSaver, slice_began: float) -> commit.Then:
    began = time.monotonic()
    node = run.route
    unit = UnitOfWork(claim, node)
    gateway = gateway_for(run, unit)
    context = node_context(run, unit, gateway)
    if run.supersteps == 0 and not Episode.objects.filter(run=run, kind=Kind.RUN_STARTED).exists():
        unit.now(Kind.RUN_STARTED, f"The run has started on the journey {run.journey}.", priority=run.priority)
    answer = None
    # A resume job that lost its worker later on finds its interrupt answered already, and simply goes on.
    if (interrupt := _pending_interrupt(saver)) and (answer := _answer_to(interrupt, context)) is None:
        commit.nothing_to_resume(
            claim, NewEpisode(Kind.RESUME_REFUSED, "There is no report to resume with.", node=node)
        )
        return "wait"
    result: dict[str, Any] = graph_on(saver).invoke(
        answer,
        {"configurable": {"thread_id": str(run.pk)}},
        context=context,
        interrupt_after="*",
        durability="exit",
    )
    seconds = time.monotonic() - began
    interrupted = bool(result.pop("__interrupt__", None))
    route = result["route"]
    verdict = result.get("last_verdict") or {}
    if interrupted:
        then: commit.Then = "wait"
        kind, message = Kind.NODE_PAUSED, f"{node} waits for the originality report."
    elif route == "END":
        then = "end"
        kind, message = Kind.NODE_FINISHED, f"{node} has finished; nothing follows."
    else:
        then = "go_on" if time.monotonic() - slice_began < settings.ENV.autonomy_slice_seconds else "hand_back"
        kind, message = Kind.NODE_FINISHED, f"{node} has finished; next is {route}."
    facts = {
        "route_in": node,
        "route_out": route,
        "superstep": run.supersteps + 1,
        "duration_ms": round(seconds * 1000),
        **gateway.usage(),
    }
    unit.note(kind, message, **facts)
    done = commit.Superstep(
        state=result,
        seconds=seconds,
        then=then,
        outcome=verdict.get("outcome", "") if then == "end" else "",
        reason=verdict.get("note", "") if then == "end" and verdict.get("outcome") != "accepted" else "",
    )
    commit.superstep(claim, unit, saver, done)
    log.info("node_committed", node=node, then=then, provider=gateway.name, **facts)
    return then


def _pending_interrupt(saver: StagedSaver) -> Interrupt | None:
    pending = saver.current.pending_writes if saver.current else None
    return next((value[0] for _, channel, value in pending or [] if channel == INTERRUPT), None)


def _answer_to(interrupt: Interrupt, context: NodeContext) -> Command[Any] | None:
    """The report this interrupt asked for, keyed to it: it can never answer another one."""
    report = context.handoff.answer(interrupt.value["cycle_id"])
    return Command(resume={interrupt.id: report}) if report else None


def _ends_at_boundary(claim: Claim, run: Run) -> bool:
    if run.cancel_requested_at:
        episode = NewEpisode(Kind.RUN_CANCELLED, "The run is cancelled, as was asked.", node=run.route)
        commit.ended_early(claim, episode, outcome=Run.Outcome.CANCELLED)
        return True
    if over := exceeded(run):
        message = f"The limit of {over['limit']} {over['which']} is used up ({over['spent']} spent)."
        episode = NewEpisode(Kind.BUDGET_EXCEEDED, message, {"budget_exceeded": True, **over}, node=run.route)
        commit.ended_early(claim, episode, outcome=Run.Outcome.BUDGET_EXCEEDED)
        return True
    return False


def _record_failure(claim: Claim, node: str, error: Exception, seconds: float) -> None:
    retryable = isinstance(error, OperationalError | InterfaceError) or (
        isinstance(error, AutonomyError) and error.retryable
    )
    known = isinstance(error, AutonomyError)
    # The text of an unknown exception may hold anything; only its type goes into the log that people read.
    text = error.message if isinstance(error, AutonomyError) else f"An unexpected {type(error).__name__} occurred."
    log.error("step_failed", node=node, error=type(error).__name__, retryable=retryable, exc_info=not known)
    connections.close_all()
    data = error.as_dict() if isinstance(error, AutonomyError) else {"code": "internal", "type": type(error).__name__}
    try:
        if retryable and claim.attempt < claim.max_attempts:
            delay = min(RETRY_DELAY_CAP, 2.0 ** (claim.attempt - 1))
            message = f"{node} failed in attempt {claim.attempt} of {claim.max_attempts}: {text}"
            episode = NewEpisode(Kind.STEP_FAILED, message, data | {"delay": delay}, node, claim.attempt)
            commit.try_again(claim, episode, seconds=seconds, delay=delay)
        else:
            episode = NewEpisode(Kind.RUN_FAILED, f"{node} failed: {text}", data, node, claim.attempt)
            commit.failed(claim, episode, seconds=seconds)
    except LeaseLost:
        log.warning("lease_lost_at_failure", node=node)

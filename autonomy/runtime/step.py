"""A claimed job, executed: superstep after superstep, until the run ends, pauses, or its time slice is up."""

from __future__ import annotations

import time
from typing import Any

import structlog
from django.conf import settings
from django.db import connections
from django.db.utils import DatabaseError, InterfaceError, OperationalError
from langgraph.checkpoint.serde.types import INTERRUPT
from langgraph.types import Command, Interrupt

from autonomy.checkpoints.staged import StagedSaver
from autonomy.episodes.kinds import Kind
from autonomy.episodes.record import NewEpisode
from autonomy.errors import AutonomyError, LeaseLost, RunCancelled
from autonomy.graph.build import Graph
from autonomy.models import Job, Run
from autonomy.ports import NodeContext
from autonomy.runtime import commit, draining
from autonomy.runtime.context import gateway_for, node_context
from autonomy.runtime.graphs import graph_on
from autonomy.runtime.lease import Heartbeat
from autonomy.runtime.limits import exceeded
from autonomy.runtime.queue import Claim
from autonomy.runtime.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)

# A provider may ask for a day; an hour later somebody should have looked.
MAX_PROVIDER_WAIT = 3600.0


def execute(claim: Claim) -> None:
    """Run the job of this claim. Every error ends in the database or, when the lease is lost, in silence."""
    structlog.contextvars.bind_contextvars(run_id=str(claim.run_id), job_id=claim.job_id, attempt=claim.attempt)
    began = time.monotonic()
    node = ""
    try:
        with Heartbeat(claim):
            run = Run.objects.get(pk=claim.run_id)
            node = run.route
            saver = StagedSaver(str(claim.run_id))
            graph = graph_on(saver, run.journey)
            until = began + settings.ENV.autonomy_slice_seconds
            if claim.kind == Job.Kind.START and claim.attempt == 1:
                told = f"The run has started on the journey {run.journey}."
                UnitOfWork(claim, node).now(Kind.RUN_STARTED, told, priority=run.priority)
            while not _ends_at_boundary(claim, run, saver):
                began, node = time.monotonic(), run.route
                if _superstep(claim, run, graph, saver, until) != "go_on":
                    return
    except LeaseLost:
        log.warning("lease_lost", node=node)
    except RunCancelled:
        _cancel(claim)
    except Exception as error:  # noqa: BLE001 - classed below by the error tree
        _record_failure(claim, node, error, time.monotonic() - began)
    finally:
        structlog.contextvars.clear_contextvars()


def _superstep(claim: Claim, run: Run, graph: Graph, saver: StagedSaver, until: float) -> commit.Then:
    began = time.monotonic()
    node = run.route
    unit = UnitOfWork(claim, node)
    gateway = gateway_for(run, unit)
    context = node_context(run, unit, gateway)
    answer = None
    # A resume job that lost its worker later on finds its interrupt answered already, and simply goes on.
    if (interrupt := _pending_interrupt(saver)) and (answer := _answer_to(interrupt, context)) is None:
        commit.nothing_to_resume(
            claim, NewEpisode(Kind.RESUME_REFUSED, "There is no report to resume with.", node=node)
        )
        return "wait"
    result: dict[str, Any] = graph.invoke(
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
        then = "go_on" if time.monotonic() < until and draining.seconds() is None else "hand_back"
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
    commit.superstep(claim, run, unit, saver, done)
    log.info("node_committed", node=node, then=then, provider=gateway.name, **facts)
    return then


def _pending_interrupt(saver: StagedSaver) -> Interrupt | None:
    pending = saver.current.pending_writes if saver.current else None
    return next((value[0] for _, channel, value in pending or [] if channel == INTERRUPT), None)


def _answer_to(interrupt: Interrupt, context: NodeContext) -> Command[Any] | None:
    """The report this interrupt asked for, keyed to it: it can never answer another one."""
    report = context.handoff.answer(interrupt.value["cycle_id"])
    return Command(resume={interrupt.id: report}) if report else None


def _ends_at_boundary(claim: Claim, run: Run, saver: StagedSaver) -> bool:
    if run.cancel_requested_at:
        commit.cancelled(claim)
        return True
    if not _judges_a_report(saver) and (over := exceeded(run)):
        message = f"The limit of {over['limit']} {over['which']} is used up ({over['spent']} spent)."
        episode = NewEpisode(Kind.BUDGET_EXCEEDED, message, {"budget_exceeded": True, **over}, node=run.route)
        commit.budget_exceeded(claim, episode)
        return True
    return False


def _judges_a_report(saver: StagedSaver) -> bool:
    """A report that is here is judged, whatever was spent: that costs nothing and closes the cycle."""
    if _pending_interrupt(saver):
        return True
    state = saver.current.checkpoint["channel_values"] if saver.current else {}
    observed = (state.get("last_observation") or {}).get("kind")
    return state.get("route") == "critic" and observed == "originality_report"


def _cancel(claim: Claim) -> None:
    """The node was left between two calls of a provider."""
    try:
        commit.cancelled(claim)
    except LeaseLost:
        log.warning("lease_lost_at_cancel")


def _record_failure(claim: Claim, node: str, error: Exception, seconds: float) -> None:
    log.error("step_failed", node=node, error=type(error).__name__, exc_info=not isinstance(error, AutonomyError))
    connections.close_all()
    try:
        commit.attempt_failed(claim, _failure(node, error), seconds=seconds)
    except LeaseLost:
        log.warning("lease_lost_at_failure", node=node)
    except DatabaseError as unreachable:
        # The lease runs out, and recovery gives the job to another worker.
        log.warning("failure_not_recorded", node=node, error=type(unreachable).__name__)


def _failure(node: str, error: Exception) -> commit.Failure:
    """Classed by the error tree. The text of an unknown exception may hold anything: only its type is told."""
    if isinstance(error, AutonomyError):
        wait = min(MAX_PROVIDER_WAIT, float(error.details.get("retry_after") or 0))
        return commit.Failure(node, error.message, error.as_dict(), error.retryable, not_before=wait)
    text = f"An unexpected {type(error).__name__} occurred."
    data = {"code": "internal", "type": type(error).__name__}
    return commit.Failure(node, text, data, retryable=isinstance(error, OperationalError | InterfaceError))

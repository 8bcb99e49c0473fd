"""A claimed job, executed: superstep after superstep, until the run ends, pauses, or its time slice is up."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator
from typing import Any, cast

import structlog
from django.conf import settings
from django.db import connections
from django.db.utils import DatabaseError, InterfaceError, InternalError, NotSupportedError, OperationalError
from langgraph.checkpoint.serde.types import INTERRUPT
from langgraph.types import Command, Interrupt

from autonomy.checkpoints.staged import StagedSaver
from autonomy.episodes.kinds import Kind
from autonomy.episodes.record import NewEpisode
from autonomy.errors import AutonomyError, BudgetExceeded, LeaseLost, RunCancelled
from autonomy.models import Run
from autonomy.runtime import commit, draining, lease
from autonomy.runtime.context import caller_for, node_context
from autonomy.runtime.graphs import graph_on
from autonomy.runtime.limits import exceeded
from autonomy.runtime.queue import Claim
from autonomy.runtime.unit_of_work import UnitOfWork
from autonomy.telemetry import metrics, tracing

log = structlog.get_logger(__name__)

# A provider may ask for a day; an hour later somebody should have looked.
MAX_PROVIDER_WAIT = 3600.0
# What a database says when it, the way to it or the session is the trouble: it was restarted, it ended a session that
# stood still, or a migration went by.
ANOTHER_SESSION_HELPS = (OperationalError, InterfaceError, InternalError, NotSupportedError)
# LangGraph bounds the supersteps of one call; here a run's own limits do.
NO_LIMIT = 1_000_000
# Each node that runs beside others holds a database connection while it talks, and there are 16 to a process.
SIDE_BY_SIDE = 8


def execute(claim: Claim) -> None:
    """Run the job of this claim. Every error ends in the database or, when the lease is lost, in silence."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(run_id=str(claim.run_id), job_id=claim.job_id, attempt=claim.attempt)
    execution = None
    try:
        with lease.renewed(claim):
            execution = Execution(claim)
            execution.run_on()
    except LeaseLost:
        log.warning("lease_lost", node=execution.node if execution else "")
        metrics.step(execution.node if execution else "", "lease_lost")
    except RunCancelled:
        metrics.step(execution.node if execution else "", "cancelled")
        _cancel(claim)
    except BudgetExceeded as over:
        _end_within(claim, execution, over)
    except Exception as error:  # noqa: BLE001 - classed below by the error tree
        _record_failure(claim, execution, error)
    finally:
        structlog.contextvars.clear_contextvars()


class Execution:
    """One job of one run. The graph is one stream of supersteps; between two of them it waits for the commit."""

    def __init__(self, claim: Claim) -> None:
        self.began = time.monotonic()
        self._until = self.began + settings.ENV.autonomy_slice_seconds
        self._claim = claim
        self._run = Run.objects.get(pk=claim.run_id)
        self.saver = StagedSaver(str(claim.run_id))
        self._unit = UnitOfWork(claim, self._run.route)
        structlog.contextvars.bind_contextvars(node=self.node)
        self._caller = caller_for(self._run, self._unit, self._seconds)
        self._context = node_context(self._run, self._unit, self._caller)

    @property
    def node(self) -> str:
        return self._unit.node

    @property
    def superstep(self) -> int:
        """The number of the one under way."""
        return self._run.supersteps + 1

    def run_on(self) -> None:
        """Superstep after superstep, until the run ends or pauses, or this worker's turn with it is over."""
        if self._ends_at_boundary():
            return
        answer = None
        # A resume job that lost its worker later on finds its interrupt answered already, and simply goes on.
        if (interrupt := self._interrupt()) and (answer := self._answer_to(interrupt)) is None:
            refused = NewEpisode(Kind.RESUME_REFUSED, "There is no report to resume with.", node=self.node)
            commit.nothing_to_resume(self._claim, interrupt.value["cycle_id"], refused)
            return
        with contextlib.closing(self._stream(answer)) as supersteps:
            goes_on = True
            while goes_on:
                with tracing.node_span(self._run.pk, self.node, self._claim.attempt):
                    goes_on = self._next(supersteps)

    def _next(self, supersteps: Generator[dict[str, Any], None, None]) -> bool:
        """Execute a superstep and write it down. False when this worker's turn is over, or the run, or it waits."""
        for state in supersteps:
            # The first state that comes is the one there was.
            if self.saver.has_new_checkpoint:
                return self._commit(state)
        if not self._interrupt():
            raise RuntimeError(f"the graph has nothing to do at {self.node}")
        self._pause()
        return False

    def _stream(self, answer: Command[Any] | None) -> Generator[dict[str, Any], None, None]:
        """The state after each superstep. The next node does not begin before the next state is asked for."""
        stream = graph_on(self.saver, self._run.journey).stream(
            answer,
            {
                "configurable": {"thread_id": str(self._run.pk)},
                "recursion_limit": NO_LIMIT,
                "max_concurrency": SIDE_BY_SIDE,
            },
            context=self._context,
            stream_mode="values",
            durability="sync",
        )
        return cast(Generator[dict[str, Any], None, None], stream)

    def _commit(self, state: dict[str, Any]) -> bool:
        """Write the superstep down. False when this worker's turn is over, or the run."""
        route, verdict = state["route"], state.get("last_verdict") or {}
        if route == "END":
            accepted = verdict.get("outcome") == Run.Outcome.ACCEPTED
            why = "" if accepted else verdict.get("note", "")
            self._write(Kind.NODE_FINISHED, "has finished; nothing follows", state, "end", verdict["outcome"], why)
            return False
        turn_is_over = time.monotonic() >= self._until or draining.seconds() is not None
        then: commit.Then = "hand_back" if turn_is_over else "go_on"
        told = "has finished a part and goes on" if route == self.node else f"has finished; next is {route}"
        self._write(Kind.NODE_FINISHED, told, state, then)
        self._unit.begin(route)
        self._caller.begin(route)
        structlog.contextvars.bind_contextvars(node=route)
        return then == "go_on" and not self._ends_at_boundary()

    def _pause(self) -> None:
        assert self.saver.current
        state = self.saver.current.checkpoint["channel_values"]
        self._write(Kind.NODE_PAUSED, "waits for the originality report", state, "wait")

    def _write(
        self, kind: str, told: str, state: dict[str, Any], then: commit.Then, outcome: str = "", reason: str = ""
    ) -> None:
        now = time.monotonic()
        seconds, self.began = now - self.began, now
        facts = {
            "route_in": self.node,
            "route_out": state["route"],
            "superstep": self.superstep,
            "duration_ms": round(seconds * 1000),
            **self._caller.usage(),
        }
        self._unit.note(kind, f"{self.node} {told}.", **facts)
        done = commit.Superstep(state=state, seconds=seconds, then=then, outcome=outcome, reason=reason)
        commit.superstep(self._claim, self._run, self._unit, self.saver, done)
        log.info("node_committed", then=then, outcome=outcome, **facts)
        metrics.step(self.node, "committed", journey=self._run.journey, seconds=seconds)

    def _interrupt(self) -> Interrupt | None:
        pending = self.saver.current.pending_writes if self.saver.current else None
        return next((value[0] for _, channel, value in pending or [] if channel == INTERRUPT), None)

    def _answer_to(self, interrupt: Interrupt) -> Command[Any] | None:
        """The report this interrupt asked for, keyed to it: it can never answer another one."""
        report = self._context.handoff.answer(interrupt.value["cycle_id"])
        return Command(resume={interrupt.id: report}) if report else None

    def _seconds(self) -> tuple[float, float]:
        return self._run.limit_seconds, self._run.spent_seconds + time.monotonic() - self.began

    def _ends_at_boundary(self) -> bool:
        if self._run.cancel_requested_at:
            commit.cancelled(self._claim)
            return True
        if self._judges_a_report() or not exceeded(self._run):
            return False
        if commit.budget_exceeded(self._claim, self.node):
            return True
        self._run.refresh_from_db()
        return self._ends_at_boundary()

    def end_within(self, over: BudgetExceeded) -> None:
        """End the run in the middle of a superstep; what its finished nodes wrote is kept for when it goes on."""
        seconds = time.monotonic() - self.began
        commit.budget_exceeded_within(self._claim, self.node, over, seconds=seconds, saver=self.saver)

    def _judges_a_report(self) -> bool:
        """A report that is here is judged, whatever was spent: that costs nothing and closes the cycle."""
        if self._interrupt():
            return True
        state = self.saver.current.checkpoint["channel_values"] if self.saver.current else {}
        observed = (state.get("last_observation") or {}).get("kind")
        return state.get("route") == "critic" and observed == "originality_report"


def _cancel(claim: Claim) -> None:
    """The node was left between two calls of a provider."""
    try:
        commit.cancelled(claim)
    except LeaseLost:
        log.warning("lease_lost_at_cancel")


def _end_within(claim: Claim, execution: Execution | None, over: BudgetExceeded) -> None:
    assert execution, "only a node can ask for more than there is"
    try:
        execution.end_within(over)
        metrics.step(execution.node, "budget_exceeded")
    except LeaseLost:
        log.warning("lease_lost_at_the_limit", node=execution.node)
    except Exception as error:  # noqa: BLE001 - as in execute
        _record_failure(claim, execution, error)


def _record_failure(claim: Claim, execution: Execution | None, error: Exception) -> None:
    node = execution.node if execution else ""
    seconds = time.monotonic() - execution.began if execution else 0.0
    superstep = execution.superstep if execution else None
    saver = execution.saver if execution else None
    metrics.step(node, "failed")
    log.error("step_failed", node=node, error=type(error).__name__, exc_info=not isinstance(error, AutonomyError))
    connections.close_all()
    try:
        commit.attempt_failed(claim, _failure(node, error), superstep=superstep, seconds=seconds, saver=saver)
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
    return commit.Failure(node, text, data, retryable=isinstance(error, ANOTHER_SESSION_HELPS))

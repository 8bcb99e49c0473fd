"""How an ended run goes on from its last checkpoint. The caller has locked the run's row, and saves it."""

from __future__ import annotations

from django.db.models.functions import Now
from langgraph.checkpoint.base import CheckpointTuple
from langgraph.checkpoint.serde.types import INTERRUPT

from autonomy.checkpoints.saver import PostgresSaver
from autonomy.models import Job, Run
from autonomy.runtime import queue
from autonomy.runtime.handoff import handoff_class

# What `reopen` sets on the run.
FIELDS = ["status", "outcome", "reason", "route", "revision", "ended_at", "cancel_requested_at", "updated_at"]


def reopen(run: Run) -> None:
    """With a new job, whose attempts count from the beginning; or waiting, if its report has not come yet."""
    saved = PostgresSaver().get_tuple({"configurable": {"thread_id": str(run.pk), "checkpoint_ns": ""}})
    assert saved is not None, "a run is seeded in the transaction that makes it"
    state = saved.checkpoint["channel_values"]
    run.route, run.revision = state["route"], state.get("revision", 0)
    run.outcome, run.reason, run.ended_at, run.cancel_requested_at = "", "", None, None
    Job.objects.filter(run=run, state=Job.State.QUEUED).update(state=Job.State.CANCELLED, finished_at=Now())
    handoff_class().take_up(run.pk)
    waits_for = _open_cycle(saved)
    if waits_for is None:
        run.status = Run.Status.QUEUED
        queue.enqueue_continue(run.pk, run.priority)
    elif handoff_class().has_report(run.pk, waits_for):
        run.status = Run.Status.QUEUED
        queue.enqueue_resume(run.pk)
    else:
        run.status = Run.Status.WAITING_HUMAN


def _open_cycle(saved: CheckpointTuple) -> str | None:
    """The cycle whose report the run was interrupted for."""
    pending = saved.pending_writes or []
    interrupts = (value[0] for _, channel, value in pending if channel == INTERRUPT)
    return next((interrupt.value["cycle_id"] for interrupt in interrupts), None)

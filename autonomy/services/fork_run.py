"""Forking: a new run that begins with the state of another run's checkpoint, and owes nothing to it afterwards."""

from __future__ import annotations

import json
from typing import Any, cast
from uuid import UUID, uuid4

from django.contrib.auth.models import User
from django.db import transaction

from autonomy.checkpoints.saver import PostgresSaver
from autonomy.episodes.kinds import Kind
from autonomy.episodes.record import NewEpisode, append
from autonomy.errors import InvalidInput, NotFound
from autonomy.graph.state import GraphState
from autonomy.journeys.registry import journey_named, validated
from autonomy.models import Checkpoint, Job, Run
from autonomy.runtime import queue
from autonomy.runtime.seeding import seed
from autonomy.services.copied_sources import copy_sources
from autonomy.services.locked_run import locked_run
from autonomy.services.patch import Patch, patch_of, unfit
from autonomy.services.patched_state import patched
from autonomy.services.start_run import budgets_of, check_model, check_search, limits_of

# A larger patch is recorded by the sizes of its parts only.
RECORDED_BYTES = 20_000
BOUNDS = ("target_similarity", "max_revisions", "limit_tokens", "limit_seconds", "limit_usd")


def fork_run(
    *,
    run_id: UUID,
    actor: User,
    checkpoint_id: str | None = None,
    patch: dict[str, Any] | None = None,
    note: str = "",
) -> tuple[Run, Job]:
    """Start a run of the same owner from a checkpoint (the newest, if none is named), with a patch in its state.

    It has its own copies of the sources, the limits of the original and nothing spent. `patch` may hold `task`,
    `plan`, `draft`, `route` and `last_verdict.note`. Raises InvalidInput naming the field, UnknownJourney, NotFound.
    """
    asked = patch_of(patch)
    origin = Run.objects.filter(pk=run_id).first()
    if origin is None:
        raise NotFound("There is no such run any more.", run_id=str(run_id))
    begun_with, state = _state(origin, checkpoint_id, asked)
    fork = Run(
        id=uuid4(),
        user_id=origin.user_id,
        journey=origin.journey,
        title=origin.title,
        started_by=actor,
        priority=origin.priority,
        **{name: getattr(origin, name) for name in BOUNDS},
    )
    state["task"] = fork.task_spec = _task(fork, state["task"], asked)
    state = patched(state, asked, actor.get_username())
    fork.route, fork.revision = state["route"], state.get("revision", 0)
    if fork.revision > fork.max_revisions:
        hint = f"The checkpoint is at revision {fork.revision}: choose at least that, or an earlier checkpoint."
        raise unfit("patch.task.max_revisions", hint)
    state |= {"run_id": str(fork.pk), "user_id": str(fork.user_id), "budgets": budgets_of(fork)}
    with transaction.atomic():
        fork.save(force_insert=True)
        copy_sources(origin.pk, fork.pk)
        seed(fork.pk, state, is_new=True)
        # The origin is locked only now, and named only now: it may work on while hundreds of megabytes are copied.
        origin = locked_run(run_id)
        if not Checkpoint.objects.filter(run=origin, checkpoint_id=begun_with).exists():
            raise _no_such_checkpoint()  # pruned meanwhile
        fork.forked_from, fork.forked_from_checkpoint = origin, begun_with
        _record(origin, fork, patch or {}, note, actor)
        origin.save(update_fields=["last_seq", "updated_at"])
        fork.save(update_fields=["forked_from", "forked_from_checkpoint", "last_seq"])
        job = queue.enqueue_start(fork.pk, fork.user_id, fork.journey, fork.priority)
    return fork, job


def _state(origin: Run, checkpoint_id: str | None, patch: Patch) -> tuple[str, GraphState]:
    """The checkpoint's id and its state, without what is pending: the node that paused runs again."""
    where = {"thread_id": str(origin.pk), "checkpoint_ns": ""}
    saver = PostgresSaver()
    newest = saver.get_tuple({"configurable": where})
    assert newest is not None, "a run is seeded in the transaction that makes it"
    chosen = newest
    if checkpoint_id is not None and checkpoint_id != newest.checkpoint["id"]:
        known = "\0" not in checkpoint_id
        found = saver.get_tuple({"configurable": {**where, "checkpoint_id": checkpoint_id}}) if known else None
        if found is None:
            raise _no_such_checkpoint()
        chosen = found
    values = chosen.checkpoint["channel_values"]
    state = cast(GraphState, {name: values[name] for name in GraphState.__annotations__ if name in values})
    ended_here = state["route"] == "END" or (origin.ended and chosen is newest)
    if ended_here and not (patch.route or patch.draft):
        raise unfit(
            "patch.route",
            "The run ended at this checkpoint: say where the fork goes on (plan, research, draft or critic).",
        )
    return chosen.checkpoint["id"], state


def _no_such_checkpoint() -> InvalidInput:
    return InvalidInput(
        "The run has no such checkpoint; the list of its checkpoints names those it has.",
        fields={"checkpoint_id": ["There is no such checkpoint."]},
    )


def _task(fork: Run, task: dict[str, Any], patch: Patch) -> dict[str, Any]:
    """The task spec with the patch's in it; what it asks for is set on the fork, everything else stays."""
    if not patch.task:
        return task
    merged = {**task, **patch.task}
    limits = patch.task.get("limits")
    if isinstance(limits, dict):
        merged["limits"] = {**task.get("limits", {}), **limits}
    journey = journey_named(fork.journey)
    spec = validated(journey, merged, "patch.task")
    check_search(spec, "patch.task")
    if "model" in patch.task:
        check_model(spec, "patch.task")
    asked = limits_of(journey, spec)
    names = [name for name in ("target_similarity", "max_revisions") if name in patch.task]
    for name in [*names, *(f"limit_{name}" for name in limits or {})]:
        setattr(fork, name, asked[name])
    if {"title", "topic"} & set(patch.task):
        fork.title = (spec.title or spec.topic)[:300]
    return spec.model_dump(mode="json")


def _record(origin: Run, fork: Run, patch: dict[str, Any], note: str, actor: User) -> None:
    """An episode in both runs, with the patch."""
    sizes = {name: len(json.dumps(value, ensure_ascii=False).encode()) for name, value in patch.items()}
    told: dict[str, Any] = {"checkpoint_id": fork.forked_from_checkpoint, "route": fork.route, "note": note}
    told["patch_bytes"] = sizes
    if patch and sum(sizes.values()) <= RECORDED_BYTES:
        told["patch"] = patch
    why = f" {note}" if note else ""
    changed = f" with its {', '.join(sizes)} patched" if sizes else ""
    message = f"{actor.get_username()} forked the run; the fork goes on at {fork.route}{changed}.{why}"
    data = {"fork_run_id": str(fork.pk), **told}
    append(origin, [NewEpisode(Kind.RUN_FORKED, message, data, actor_id=actor.pk)])
    message = f"The run is queued as a fork of run {origin.pk}; it goes on at {fork.route}{changed}.{why}"
    data = {"forked_from": str(origin.pk), **told}
    append(fork, [NewEpisode(Kind.RUN_QUEUED, message, data, actor_id=actor.pk)])

"""The graph state of a checkpoint as plain data, which JSON and pages can hold whatever a node has put there."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.fields.json import KT

from autonomy.checkpoints.saver import PostgresSaver
from autonomy.models import Checkpoint, Run

DEEPEST = 30
MOST_ID_LETTERS = 64
# Channels of LangGraph's own, which hold nothing of the run.
_INTERNAL = ("branch:", "__")


@dataclass(frozen=True)
class At:
    """A checkpoint without its state. `node` is the one that had its turn; None for a seed, and where the checkpoint
    before was pruned."""

    pk: int
    run_id: UUID
    checkpoint_id: str
    parent_id: str | None
    step: int | None
    source: str | None
    node: str | None
    route: str | None
    revision: str | None
    created_at: datetime

    def as_dict(self) -> dict[str, Any]:
        return {
            "run_id": str(self.run_id),
            "checkpoint_id": self.checkpoint_id,
            "step": self.step,
            "node": self.node,
            "route": self.route,
            "revision": int(self.revision) if self.revision and self.revision.isdecimal() else None,
            "created_at": self.created_at.isoformat(),
        }


def of_run(run_id: UUID) -> QuerySet[Checkpoint]:
    """The run's own checkpoints with what `at` reads of them: no state, and of the JSON three short texts."""
    route = KT("checkpoint__channel_values__route")
    before = Checkpoint.objects.filter(
        run=OuterRef("run"), namespace="", checkpoint_id=OuterRef("parent_checkpoint_id")
    )
    return (
        Checkpoint.objects.filter(run=run_id, namespace="")
        .annotate(
            route=route,
            revision=KT("checkpoint__channel_values__revision"),
            changed=KT("checkpoint__updated_channels"),
            node=Subquery(before.annotate(route=route).values("route")[:1]),
        )
        .defer("checkpoint")
    )


def at(row: Any) -> At:
    return At(
        pk=row.pk,
        run_id=row.run_id,
        checkpoint_id=row.checkpoint_id,
        parent_id=row.parent_checkpoint_id,
        step=row.metadata.get("step"),
        source=row.metadata.get("source"),
        node=row.node,
        route=row.route,
        revision=row.revision,
        created_at=row.created_at,
    )


def named(run: Run, checkpoint_ids: Collection[str]) -> dict[str, At]:
    """Those of the ids that are checkpoints of the run, or of the run it was forked from. One or two queries."""
    wanted = {one for one in checkpoint_ids if fits(one)}
    found: dict[str, At] = {}
    for run_id in (run.pk, run.forked_from_id):
        if run_id is not None and (missing := wanted - set(found)):
            found |= {row.checkpoint_id: at(row) for row in of_run(run_id).filter(checkpoint_id__in=missing)}
    return found


def fits(checkpoint_id: str) -> bool:
    """Whether it can be a checkpoint's id at all; Postgres knows no NUL."""
    return bool(checkpoint_id) and len(checkpoint_id) <= MOST_ID_LETTERS and "\0" not in checkpoint_id


def neighbour(one: At, *, later: bool) -> str | None:
    """The id of the same run's checkpoint just before this one, or just after it."""
    beside = {f"checkpoint_id__{'gt' if later else 'lt'}": one.checkpoint_id}
    found = Checkpoint.objects.filter(run=one.run_id, namespace="", **beside)
    ids = found.order_by("checkpoint_id" if later else "-checkpoint_id").values_list("checkpoint_id", flat=True)
    return ids.first()


def state_at(run_id: UUID, checkpoint_id: str | None = None) -> dict[str, Any] | None:
    """The channel values of the checkpoint (of the newest, if none is named) by channel, or None if it is not there."""
    where = {"thread_id": str(run_id), "checkpoint_ns": ""}
    if checkpoint_id is not None:
        if not fits(checkpoint_id):
            return None
        where["checkpoint_id"] = checkpoint_id
    saved = PostgresSaver().get_tuple({"configurable": where})
    if saved is None:
        return None
    values = saved.checkpoint["channel_values"]
    return {str(name): plain(value) for name, value in values.items() if not str(name).startswith(_INTERNAL)}


def plain(value: Any, deep: int = 0) -> Any:
    """The value as JSON can hold it: no NaN, no half of a surrogate pair, nothing nested without end."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if deep >= DEEPEST:
        return "…"
    if isinstance(value, dict):
        return {plain(str(name)): plain(one, deep + 1) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one, deep + 1) for one in value]
    return plain(str(value))

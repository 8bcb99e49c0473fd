"""Between LangGraph's objects and our rows, in both directions. No database here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)

from autonomy.checkpoints.serde import SERDE
from autonomy.checkpoints.sql import CheckpointRow

# Small plain values ride in the checkpoint's own JSON; the rest becomes a blob shared by version.
INLINE = (str, int, float, bool, type(None))
INLINE_CHARS = 200


class NewBlob(NamedTuple):
    namespace: str
    channel: str
    version: str
    type: str
    blob: bytes | None


class NewCheckpoint(NamedTuple):
    namespace: str
    checkpoint_id: str
    parent: str | None
    checkpoint: str
    metadata: str


class NewWrite(NamedTuple):
    namespace: str
    checkpoint_id: str
    task_id: str
    task_path: str
    idx: int
    channel: str
    type: str
    blob: bytes


# The parameters of statements.PUT, in the order of the rows above.
_BLOB = ("blob_namespace", "blob_channel", "blob_version", "blob_type", "blob")
_CHECKPOINT = ("checkpoint_namespace", "checkpoint_id", "checkpoint_parent", "checkpoint", "checkpoint_metadata")
_WRITE = (
    "write_namespace", "write_checkpoint", "write_task", "write_path",
    "write_idx", "write_channel", "write_type", "write",
)  # fmt: skip


@dataclass
class NewRows:
    """What is to be written of one run."""

    blobs: list[NewBlob] = field(default_factory=list)
    checkpoints: dict[tuple[str, str], NewCheckpoint] = field(default_factory=dict)
    writes: dict[tuple[str, ...], NewWrite] = field(default_factory=dict)

    def put(
        self,
        namespace: str,
        checkpoint: Checkpoint,
        parent: str | None,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> None:
        """A checkpoint, and blobs for the channels that changed."""
        values = checkpoint["channel_values"]
        inline = {channel: value for channel, value in values.items() if _rides_inline(value)}
        for channel, version in new_versions.items():
            if channel not in inline:
                kind, blob = SERDE.dumps_typed(values[channel]) if channel in values else ("empty", None)
                self.blobs.append(NewBlob(namespace, channel, str(version), kind, blob))
        body = json.dumps({**checkpoint, "channel_values": inline})
        place = (namespace, checkpoint["id"])
        self.checkpoints[place] = NewCheckpoint(*place, parent, body, json.dumps(metadata))

    def put_writes(
        self,
        namespace: str,
        checkpoint_id: str,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str,
    ) -> None:
        """Pending writes. Of two in one place the last stays when it is a special one, else the first."""
        for position, (channel, value) in enumerate(writes):
            kind, blob = SERDE.dumps_typed(value)
            idx = WRITES_IDX_MAP.get(channel, position)
            place = (namespace, checkpoint_id, task_id, str(idx))
            if idx < 0 or place not in self.writes:
                self.writes[place] = NewWrite(namespace, checkpoint_id, task_id, task_path, idx, channel, kind, blob)

    def columns(self) -> dict[str, list[Any]]:
        """The parameters of the statements that write checkpoints (models/statements.py)."""
        return {
            **_columns(_BLOB, self.blobs),
            **_columns(_CHECKPOINT, list(self.checkpoints.values())),
            **_columns(_WRITE, list(self.writes.values())),
        }


def _columns(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, list[Any]]:
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def _rides_inline(value: Any) -> bool:
    # Postgres cannot keep a NUL in JSON.
    return isinstance(value, INLINE) and not (isinstance(value, str) and (len(value) > INLINE_CHARS or "\0" in value))


def config_of(run_id: str, namespace: str, checkpoint_id: str) -> RunnableConfig:
    return {"configurable": {"thread_id": run_id, "checkpoint_ns": namespace, "checkpoint_id": checkpoint_id}}


def to_tuple(row: CheckpointRow) -> CheckpointTuple:
    values = dict(row.checkpoint["channel_values"])
    for channel, kind, blob in row.blobs:
        values[_text(channel)] = SERDE.loads_typed((_text(kind), bytes(blob)))
    parent = row.parent_checkpoint_id
    return CheckpointTuple(
        config=config_of(row.run_id, row.namespace, row.checkpoint_id),
        checkpoint=cast(Checkpoint, {**row.checkpoint, "channel_values": values}),
        metadata=cast(CheckpointMetadata, row.metadata),
        parent_config=config_of(row.run_id, row.namespace, parent) if parent else None,
        pending_writes=[
            (_text(task), _text(channel), SERDE.loads_typed((_text(kind), bytes(blob))))
            for task, channel, kind, blob in row.writes
        ],
    )


def _text(raw: bytes) -> str:
    return bytes(raw).decode()

"""Between LangGraph's objects and our rows, in both directions. No database here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

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
# A float does not: JSON has no infinity, and Postgres gives 1e22 back as an integer.
INLINE = (str, int, bool, type(None))
INLINE_CHARS = 200


@dataclass
class NewRows:
    """What is to be written of one run, in the form of the statements that write it (models/statements.py)."""

    blobs: list[dict[str, Any]] = field(default_factory=list)
    blob_bytes: list[bytes | None] = field(default_factory=list)
    checkpoints: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    writes: dict[tuple[str, str, str, int], tuple[dict[str, Any], bytes]] = field(default_factory=dict)

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
                self.blob_bytes.append(blob)
                self.blobs.append(
                    {
                        "place": len(self.blob_bytes),
                        "namespace": namespace,
                        "channel": channel,
                        "version": str(version),
                        "type": kind,
                    }
                )
        self.checkpoints[namespace, checkpoint["id"]] = {
            "namespace": namespace,
            "checkpoint_id": checkpoint["id"],
            "parent": parent,
            "checkpoint": {**checkpoint, "channel_values": inline},
            "metadata": metadata,
        }

    def put_writes(
        self, namespace: str, checkpoint_id: str, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str
    ) -> None:
        """Pending writes. Of two in one place the last stays when it is a special one, else the first."""
        for position, (channel, value) in enumerate(writes):
            kind, blob = SERDE.dumps_typed(value)
            idx = WRITES_IDX_MAP.get(channel, position)
            place = (namespace, checkpoint_id, task_id, idx)
            if idx < 0 or place not in self.writes:
                row = {
                    "namespace": namespace,
                    "checkpoint_id": checkpoint_id,
                    "task_id": task_id,
                    "task_path": task_path,
                    "idx": idx,
                    "channel": channel,
                    "type": kind,
                }
                self.writes[place] = (row, blob)

    def parameters(self) -> dict[str, Any]:
        writes = [{**row, "place": place} for place, (row, _) in enumerate(self.writes.values(), start=1)]
        return {
            "blobs": json.dumps(self.blobs),
            "blob_bytes": self.blob_bytes,
            "checkpoints": json.dumps([*self.checkpoints.values()]),
            "writes": json.dumps(writes),
            "write_bytes": [blob for _, blob in self.writes.values()],
        }


def _rides_inline(value: Any) -> bool:
    if isinstance(value, str):
        # Postgres keeps neither a NUL nor half a surrogate pair in JSON.
        return len(value) <= INLINE_CHARS and "\0" not in value and not any("\ud800" <= c <= "\udfff" for c in value)
    return isinstance(value, INLINE)


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

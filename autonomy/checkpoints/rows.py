"""Between LangGraph's objects and our rows, in both directions. No database here."""

from __future__ import annotations

from collections.abc import Sequence
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
from autonomy.checkpoints.sql import BlobRow, CheckpointRow, WriteRow

# Small plain values ride in the checkpoint's own JSON; the rest becomes a blob shared by version.
# A float does not: JSON has no infinity, and Postgres gives 1e22 back as an integer.
INLINE = (str, int, bool, type(None))
INLINE_CHARS = 200


def config_of(run_id: str, namespace: str, checkpoint_id: str) -> RunnableConfig:
    return {"configurable": {"thread_id": run_id, "checkpoint_ns": namespace, "checkpoint_id": checkpoint_id}}


def split(
    run_id: str, namespace: str, checkpoint: Checkpoint, new_versions: ChannelVersions
) -> tuple[dict[str, Any], list[BlobRow]]:
    """The checkpoint's JSON, and blobs for the channels that changed."""
    values = checkpoint["channel_values"]
    inline = {channel: value for channel, value in values.items() if _rides_inline(value)}
    blobs: list[BlobRow] = []
    for channel, version in new_versions.items():
        if channel not in inline:
            kind, blob = SERDE.dumps_typed(values[channel]) if channel in values else ("empty", None)
            blobs.append(BlobRow(run_id, namespace, channel, str(version), kind, blob))
    return {**checkpoint, "channel_values": inline}, blobs


def _rides_inline(value: Any) -> bool:
    if isinstance(value, str):
        # Postgres keeps neither a NUL nor half a surrogate pair in JSON.
        return len(value) <= INLINE_CHARS and "\0" not in value and not any("\ud800" <= c <= "\udfff" for c in value)
    return isinstance(value, INLINE)


def write_rows(
    run_id: str,
    namespace: str,
    checkpoint_id: str,
    writes: Sequence[tuple[str, Any]],
    task_id: str,
    task_path: str,
) -> tuple[list[WriteRow], bool]:
    """Rows for pending writes, and whether they replace what is there (all of them are special writes)."""
    rows = []
    for position, (channel, value) in enumerate(writes):
        kind, blob = SERDE.dumps_typed(value)
        idx = WRITES_IDX_MAP.get(channel, position)
        rows.append(WriteRow(run_id, namespace, checkpoint_id, task_id, task_path, idx, channel, kind, blob))
    return rows, all(channel in WRITES_IDX_MAP for channel, _ in writes)


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

"""The staged face of the checkpointer: collects what LangGraph hands over, for the step's own transaction.

LangGraph calls `put` and `put_writes` on its executor threads. A saver that wrote there would use another
connection and could never commit together with the episodes and the job.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    copy_checkpoint,
    get_checkpoint_id,
    get_serializable_checkpoint_metadata,
)
from langgraph.checkpoint.serde.types import ERROR

from autonomy.checkpoints import rows
from autonomy.checkpoints.saver import PostgresSaver
from autonomy.checkpoints.serde import SERDE
from autonomy.checkpoints.versions import next_version


class StagedSaver(BaseCheckpointSaver[str]):
    """Serves one run in one process. Reads the newest checkpoint once and then keeps it in memory; a run that is being
    started has none.

    After an error the instance must be thrown away, but for `take_writes`: what it keeps may be ahead of the database.
    """

    def __init__(self, run_id: str, *, is_new: bool = False) -> None:
        super().__init__(serde=SERDE)
        self._run_id = run_id
        self._lock = threading.Lock()
        newest: RunnableConfig = {"configurable": {"thread_id": run_id, "checkpoint_ns": ""}}
        self._current = None if is_new else PostgresSaver().get_tuple(newest)
        self._new = rows.NewRows()
        self._writes: list[tuple[str, Sequence[tuple[str, Any]], str, str]] = []

    @property
    def current(self) -> CheckpointTuple | None:
        return self._current

    @property
    def has_new_checkpoint(self) -> bool:
        """Whether a superstep was finished since the last `take`."""
        return bool(self._new.checkpoints)

    def get_next_version(self, current: str | None, channel: None) -> str:
        return next_version(current)

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        asked = get_checkpoint_id(config)
        with self._lock:
            if self._current is None or (asked and asked != self._current.checkpoint["id"]):
                return None
            return self._current._replace(checkpoint=copy_checkpoint(self._current.checkpoint))

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        metadata = get_serializable_checkpoint_metadata(config, metadata)
        stored = rows.config_of(self._run_id, "", checkpoint["id"])
        parent = get_checkpoint_id(config)
        with self._lock:
            self._new.put("", checkpoint, parent, metadata, new_versions)
            self._current = CheckpointTuple(
                stored,
                copy_checkpoint(checkpoint),
                metadata,
                rows.config_of(self._run_id, "", parent) if parent else None,
                [],
            )
        return stored

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        with self._lock:
            self._writes.append((config["configurable"]["checkpoint_id"], writes, task_id, task_path))
            current = self._current
            if current and get_checkpoint_id(config) == current.checkpoint["id"]:
                pending = [*(current.pending_writes or []), *((task_id, channel, value) for channel, value in writes)]
                self._current = current._replace(pending_writes=pending)

    def take(self) -> rows.NewRows:
        """What was staged, for the caller's statement; it is staged no more.

        What a task wrote is left out once the checkpoint that it led to is there.
        """
        with self._lock:
            new, self._new = self._new, rows.NewRows()
            writes, self._writes = self._writes, []
            newest = self._current.checkpoint["id"] if self._current else None
        for checkpoint_id, channels, task_id, task_path in writes:
            if checkpoint_id == newest:
                new.put_writes("", checkpoint_id, channels, task_id, task_path)
        return new

    def take_writes(self) -> rows.NewRows:
        """What the finished nodes of a superstep wrote that failed in another one: they need not run again.

        Of the one that failed nothing is kept: it runs anew, and reads the answer to its interrupt anew.
        """
        new = rows.NewRows() if self.has_new_checkpoint else self.take()
        failed = {row["task_id"] for row, _ in new.writes.values() if row["channel"] == ERROR}
        new.writes = {place: row for place, row in new.writes.items() if row[0]["task_id"] not in failed}
        return new

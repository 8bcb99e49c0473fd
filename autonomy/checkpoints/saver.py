"""The immediate face of the checkpointer: an ordinary LangGraph saver on Postgres, in calls of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from asgiref.sync import sync_to_async
from django.db import connection, transaction
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_id,
    get_serializable_checkpoint_metadata,
)

from autonomy.checkpoints import rows, sql, upkeep
from autonomy.checkpoints.serde import SERDE
from autonomy.checkpoints.versions import next_version
from autonomy.models import statements


class PostgresSaver(BaseCheckpointSaver[str]):
    """Reads and writes at once. `thread_id` is the run's id; a run's row must exist."""

    def __init__(self) -> None:
        super().__init__(serde=SERDE)

    def get_next_version(self, current: str | None, channel: None) -> str:
        return next_version(current)

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        where = config["configurable"]
        with connection.cursor() as cursor:
            found = sql.select(
                cursor,
                run_id=where["thread_id"],
                namespace=where.get("checkpoint_ns", ""),
                checkpoint_id=get_checkpoint_id(config),
                limit=1,
            )
        return rows.to_tuple(found[0]) if found else None

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        where = config["configurable"] if config else {}
        with connection.cursor() as cursor:
            found = sql.select(
                cursor,
                run_id=where.get("thread_id"),
                namespace=where.get("checkpoint_ns"),
                checkpoint_id=get_checkpoint_id(config) if config else None,
                before=get_checkpoint_id(before) if before else None,
                metadata=filter,
                limit=limit,
            )
        yield from map(rows.to_tuple, found)

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        where = config["configurable"]
        run_id, namespace = where["thread_id"], where.get("checkpoint_ns", "")
        new = rows.NewRows()
        told = get_serializable_checkpoint_metadata(config, metadata)
        new.put(namespace, checkpoint, get_checkpoint_id(config), told, new_versions)
        statements.execute(statements.PUT, {"run": run_id, **new.parameters()})
        return rows.config_of(run_id, namespace, checkpoint["id"])

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        where = config["configurable"]
        new = rows.NewRows()
        new.put_writes(where.get("checkpoint_ns", ""), where["checkpoint_id"], writes, task_id, task_path)
        statements.execute(statements.PUT, {"run": where["thread_id"], **new.parameters()})

    def delete_thread(self, thread_id: str) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            upkeep.delete(cursor, [thread_id])

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """`run_ids` are LangGraph's: an invocation's id in a checkpoint's metadata, not one of our runs."""
        with transaction.atomic(), connection.cursor() as cursor:
            upkeep.delete_made_by(cursor, run_ids)

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            upkeep.copy(cursor, source_thread_id, target_thread_id)

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """`keep_latest` keeps the newest checkpoint of each namespace, and what it is rebuilt from; `delete` nothing.

        Raises ValueError for another strategy.
        """
        if strategy not in ("keep_latest", "delete"):
            raise ValueError(f"There is no pruning strategy {strategy!r}, only 'keep_latest' and 'delete'.")
        with transaction.atomic(), connection.cursor() as cursor:
            if strategy == "delete":
                upkeep.delete(cursor, thread_ids)
            else:
                upkeep.prune(cursor, thread_ids, keep=1)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return await sync_to_async(self.get_tuple)(config)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        found = await sync_to_async(lambda: [*self.list(config, filter=filter, before=before, limit=limit)])()
        for one in found:
            yield one

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        return await sync_to_async(self.put)(config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        await sync_to_async(self.put_writes)(config, writes, task_id, task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        await sync_to_async(self.delete_thread)(thread_id)

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        await sync_to_async(self.delete_for_runs)(run_ids)

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        await sync_to_async(self.copy_thread)(source_thread_id, target_thread_id)

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        await sync_to_async(self.prune)(thread_ids, strategy=strategy)

"""The statements of the checkpointer: the one place that knows the columns of models/checkpoint.py in SQL."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from django.db.backends.utils import CursorWrapper
from psycopg.types.json import Jsonb

# One round trip brings a checkpoint with its channel values and pending writes. Writes are ordered as LangGraph
# applies them: by task path, then task, then index, texts by code point and not as people sort.
_SELECT = """
SELECT c.run_id::text, c.namespace, c.checkpoint_id, c.parent_checkpoint_id, c.checkpoint, c.metadata,
  (SELECT coalesce(array_agg(ARRAY[convert_to(b.channel, 'UTF8'), convert_to(b.type, 'UTF8'), b.blob]), '{}')
     FROM jsonb_each_text(c.checkpoint -> 'channel_versions') v
     JOIN autonomy_checkpoint_blobs b
       ON b.run_id = c.run_id AND b.namespace = c.namespace AND b.channel = v.key AND b.version = v.value
    WHERE b.blob IS NOT NULL),
  (SELECT coalesce(array_agg(ARRAY[convert_to(w.task_id, 'UTF8'), convert_to(w.channel, 'UTF8'),
                                   convert_to(w.type, 'UTF8'), w.blob]
                             ORDER BY w.task_path COLLATE "C", w.task_id COLLATE "C", w.idx), '{}')
     FROM autonomy_checkpoint_writes w
    WHERE w.run_id = c.run_id AND w.namespace = c.namespace AND w.checkpoint_id = c.checkpoint_id)
FROM autonomy_checkpoints c
"""

_PUT_CHECKPOINT = """
INSERT INTO autonomy_checkpoints
  (run_id, namespace, checkpoint_id, parent_checkpoint_id, checkpoint, metadata, created_at)
VALUES (%s, %s, %s, %s, %s, %s, now())
ON CONFLICT (run_id, namespace, checkpoint_id)
DO UPDATE SET checkpoint = EXCLUDED.checkpoint, metadata = EXCLUDED.metadata
"""

_PUT_BLOB = """
INSERT INTO autonomy_checkpoint_blobs (run_id, namespace, channel, version, type, blob)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (run_id, namespace, channel, version) DO NOTHING
"""

_PUT_WRITE = """
INSERT INTO autonomy_checkpoint_writes
  (run_id, namespace, checkpoint_id, task_id, task_path, idx, channel, type, blob)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (run_id, namespace, checkpoint_id, task_id, idx) DO {on_conflict}
"""
_REPLACE = "UPDATE SET channel = EXCLUDED.channel, type = EXCLUDED.type, blob = EXCLUDED.blob"


class CheckpointRow(NamedTuple):
    run_id: str
    namespace: str
    checkpoint_id: str
    parent_checkpoint_id: str | None
    checkpoint: dict[str, Any]
    metadata: dict[str, Any]
    blobs: list[tuple[bytes, bytes, bytes]]
    writes: list[tuple[bytes, bytes, bytes, bytes]]


class BlobRow(NamedTuple):
    run_id: str
    namespace: str
    channel: str
    version: str
    type: str
    blob: bytes | None


class WriteRow(NamedTuple):
    run_id: str
    namespace: str
    checkpoint_id: str
    task_id: str
    task_path: str
    idx: int
    channel: str
    type: str
    blob: bytes


def select(
    cursor: CursorWrapper,
    *,
    run_id: str | None = None,
    namespace: str | None = None,
    checkpoint_id: str | None = None,
    before: str | None = None,
    metadata: dict[str, Any] | None = None,
    limit: int | None = None,
) -> list[CheckpointRow]:
    """Checkpoints, newest first. Every filter that is given must match."""
    filters = {
        "c.run_id = %s": run_id,
        "c.namespace = %s": namespace,
        "c.checkpoint_id = %s": checkpoint_id,
        "c.checkpoint_id < %s": before,
        "c.metadata @> %s": Jsonb(metadata) if metadata else None,
    }
    given = {clause: value for clause, value in filters.items() if value is not None}
    where = f"WHERE {' AND '.join(given)} " if given else ""
    bound = f" LIMIT {int(limit)}" if limit is not None else ""
    values: list[Any] = list(given.values())
    cursor.execute(f"{_SELECT}{where}ORDER BY c.checkpoint_id DESC{bound}", values)
    return [CheckpointRow(*_plain_json(cursor, row)) for row in cursor.fetchall()]


def _plain_json(cursor: CursorWrapper, row: Sequence[Any]) -> Sequence[Any]:
    """Django's connections hand jsonb over as text; a connection outside Django would parse it."""
    return [json.loads(v) if i in (4, 5) and isinstance(v, str) else v for i, v in enumerate(row)]


def put(
    cursor: CursorWrapper,
    run_id: str,
    namespace: str,
    checkpoint_id: str,
    parent_checkpoint_id: str | None,
    checkpoint: dict[str, Any],
    metadata: dict[str, Any],
    blobs: Iterable[BlobRow],
) -> None:
    if rows := list(blobs):
        cursor.executemany(_PUT_BLOB, rows)
    row: list[Any] = [run_id, namespace, checkpoint_id, parent_checkpoint_id, Jsonb(checkpoint), Jsonb(metadata)]
    cursor.execute(_PUT_CHECKPOINT, row)


def put_writes(cursor: CursorWrapper, rows: Sequence[WriteRow], *, replace: bool) -> None:
    """`replace`: special writes (errors, interrupts, resumes) overwrite; ordinary results keep the first."""
    if rows:
        cursor.executemany(_PUT_WRITE.format(on_conflict=_REPLACE if replace else "NOTHING"), rows)

"""Reading checkpoints. They are written by models/statements.py; upkeep.py deletes, copies and prunes them."""

from __future__ import annotations

import json
from collections.abc import Sequence
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


class CheckpointRow(NamedTuple):
    run_id: str
    namespace: str
    checkpoint_id: str
    parent_checkpoint_id: str | None
    checkpoint: dict[str, Any]
    metadata: dict[str, Any]
    blobs: list[tuple[bytes, bytes, bytes]]
    writes: list[tuple[bytes, bytes, bytes, bytes]]


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

"""The statements that delete, copy and prune checkpoints. Like sql.py they mirror the columns of models/checkpoint.py.

Whoever drops checkpoints locks the runs first, as each commit does, and looks in a second statement: what is no
longer referred to is then known for certain. The caller brings the transaction.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db.backends.utils import CursorWrapper

_LOCK = "SELECT 1 FROM autonomy_runs WHERE id = ANY(%(runs)s::uuid[]) ORDER BY id FOR NO KEY UPDATE"

_DELETE = """
WITH writes AS (DELETE FROM autonomy_checkpoint_writes WHERE run_id = ANY(%(runs)s::uuid[])),
     blobs AS (DELETE FROM autonomy_checkpoint_blobs WHERE run_id = ANY(%(runs)s::uuid[]))
DELETE FROM autonomy_checkpoints WHERE run_id = ANY(%(runs)s::uuid[])
"""

# {doomed} names the checkpoints that go. Their writes go with them, and every blob that no checkpoint left refers to.
_DROP = """
WITH RECURSIVE {doomed},
gone AS (
  DELETE FROM autonomy_checkpoints c USING doomed d
  WHERE c.run_id = d.run_id AND c.namespace = d.namespace AND c.checkpoint_id = d.checkpoint_id
), gone_writes AS (
  DELETE FROM autonomy_checkpoint_writes w USING doomed d
  WHERE w.run_id = d.run_id AND w.namespace = d.namespace AND w.checkpoint_id = d.checkpoint_id
), used AS (
  SELECT c.run_id, c.namespace, v.key AS channel, v.value AS version
  FROM autonomy_checkpoints c, jsonb_each_text(c.checkpoint -> 'channel_versions') v
  WHERE c.run_id = ANY(%(runs)s::uuid[])
    AND NOT EXISTS (SELECT 1 FROM doomed d WHERE d.run_id = c.run_id AND d.namespace = c.namespace
                      AND d.checkpoint_id = c.checkpoint_id)
), gone_blobs AS (
  DELETE FROM autonomy_checkpoint_blobs b
  WHERE b.run_id = ANY(%(runs)s::uuid[])
    AND NOT EXISTS (SELECT 1 FROM used u WHERE u.run_id = b.run_id AND u.namespace = b.namespace
                      AND u.channel = b.channel AND u.version = b.version)
)
SELECT count(*) FROM doomed
"""

_RUNS_OF_INVOCATIONS = "SELECT DISTINCT run_id::text FROM autonomy_checkpoints WHERE metadata ->> 'run_id' = ANY(%s)"

_MADE_BY_INVOCATION = """
doomed AS (
  SELECT run_id, namespace, checkpoint_id FROM autonomy_checkpoints
  WHERE run_id = ANY(%(runs)s::uuid[]) AND metadata ->> 'run_id' = ANY(%(invocations)s)
)
"""

# Kept are the newest of each namespace and the spared ones. A checkpoint whose metadata counts steps since a snapshot
# has channels that LangGraph rebuilds from its ancestors' writes: those ancestors are kept up to the snapshot.
_BEYOND_BOUND = """
placed AS (
  SELECT run_id, namespace, checkpoint_id, parent_checkpoint_id, metadata ? 'counters_since_delta_snapshot' AS leans,
         row_number() OVER (PARTITION BY run_id, namespace ORDER BY checkpoint_id DESC) AS place
  FROM autonomy_checkpoints WHERE run_id = ANY(%(runs)s::uuid[])
), kept AS (
  SELECT * FROM placed WHERE place <= %(keep)s OR checkpoint_id = ANY(%(spare)s)
  UNION
  SELECT p.* FROM kept k JOIN placed p
    ON p.run_id = k.run_id AND p.namespace = k.namespace AND p.checkpoint_id = k.parent_checkpoint_id
  WHERE k.leans
), doomed AS (
  SELECT run_id, namespace, checkpoint_id FROM placed p
  WHERE NOT EXISTS (SELECT 1 FROM kept k WHERE k.run_id = p.run_id AND k.namespace = p.namespace
                      AND k.checkpoint_id = p.checkpoint_id)
  ORDER BY checkpoint_id LIMIT %(most)s
)
"""

_COPY = """
WITH blobs AS (
  INSERT INTO autonomy_checkpoint_blobs (run_id, namespace, channel, version, type, blob)
  SELECT %(target)s::uuid, namespace, channel, version, type, blob
  FROM autonomy_checkpoint_blobs WHERE run_id = %(source)s::uuid
  ON CONFLICT (run_id, namespace, channel, version) DO NOTHING
), writes AS (
  INSERT INTO autonomy_checkpoint_writes
    (run_id, namespace, checkpoint_id, task_id, task_path, idx, channel, type, blob)
  SELECT %(target)s::uuid, namespace, checkpoint_id, task_id, task_path, idx, channel, type, blob
  FROM autonomy_checkpoint_writes WHERE run_id = %(source)s::uuid
  ON CONFLICT (run_id, namespace, checkpoint_id, task_id, idx) DO NOTHING
)
INSERT INTO autonomy_checkpoints
  (run_id, namespace, checkpoint_id, parent_checkpoint_id, checkpoint, metadata, created_at)
SELECT %(target)s::uuid, namespace, checkpoint_id, parent_checkpoint_id, checkpoint, metadata, created_at
FROM autonomy_checkpoints WHERE run_id = %(source)s::uuid
ON CONFLICT (run_id, namespace, checkpoint_id) DO NOTHING
"""


def delete(cursor: CursorWrapper, run_ids: Collection[str]) -> None:
    """Everything of these runs."""
    _locked(cursor, run_ids)
    cursor.execute(_DELETE, {"runs": list(run_ids)})


def delete_made_by(cursor: CursorWrapper, invocations: Collection[str]) -> None:
    """The checkpoints that these invocations of LangGraph have made, whichever runs they are of. Reads them all."""
    ids = list(invocations)
    cursor.execute(_RUNS_OF_INVOCATIONS, [ids])
    run_ids = [run_id for (run_id,) in cursor.fetchall()]
    if run_ids:
        _drop(cursor, _MADE_BY_INVOCATION, run_ids, invocations=ids)


def prune(
    cursor: CursorWrapper,
    run_ids: Collection[str],
    *,
    keep: int,
    spare: Collection[str] = (),
    most: int | None = None,
) -> int:
    """Drop all but the newest `keep` checkpoints of each run and namespace, and the spared ids; the oldest first.

    Drops `most` at once, if given. Returns how many went.
    """
    return _drop(cursor, _BEYOND_BOUND, run_ids, keep=keep, spare=list(spare), most=most)


def copy(cursor: CursorWrapper, source: str, target: str) -> None:
    """Everything of one run, also to another, whose own rows are left alone. That the target exists is checked by the
    foreign key at the commit.
    """
    cursor.execute(_COPY, {"source": source, "target": target})


def _drop(cursor: CursorWrapper, doomed: str, run_ids: Collection[str], **values: Any) -> int:
    _locked(cursor, run_ids)
    cursor.execute(_DROP.format(doomed=doomed.strip()), {"runs": list(run_ids), **values})
    (count,) = cursor.fetchone()
    return int(count)


def _locked(cursor: CursorWrapper, run_ids: Collection[str]) -> None:
    cursor.execute(_LOCK, {"runs": list(run_ids)})

"""The engine's own SQL: what must be one round trip and one transaction at once, beside the models it mirrors.

Every statement is atomic by itself, whatever becomes of the process that sent it: a worker that is stopped in the
middle can hold no lock. tests/test_statements.py holds the columns named here against the models.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import psycopg
from django.db import connection

# Claims come one after the other, so that two of them cannot both find a user one below the limit. The lock is taken
# in a statement of its own: the next one then sees what the claim before it committed.
CLAIM_LOCK = 0x6175746F
LOCK_CLAIMS = f"SELECT pg_advisory_xact_lock({CLAIM_LOCK})"

# For each user with something queued (found by walking the index from user to user), the best due jobs; of those, the
# most urgent, then the user with the fewest running runs, then the oldest. Rows somebody else holds are passed over.
# Materialized, or Postgres may read the whole queue first and choose afterwards.
CLAIM = """
WITH RECURSIVE busy AS (
  SELECT user_id, count(*) AS runs FROM autonomy_job_queue WHERE state = 'running' GROUP BY user_id
), waiting(user_id) AS (
  (SELECT user_id FROM autonomy_job_queue WHERE state = 'queued' ORDER BY user_id LIMIT 1)
  UNION ALL
  SELECT (SELECT j.user_id FROM autonomy_job_queue j WHERE j.state = 'queued' AND j.user_id > w.user_id
          ORDER BY j.user_id LIMIT 1)
  FROM waiting w WHERE w.user_id IS NOT NULL
), best AS MATERIALIZED (
  SELECT job.*, coalesce(busy.runs, 0) AS runs
  FROM waiting w LEFT JOIN busy USING (user_id)
  CROSS JOIN LATERAL (
    SELECT j.id, j.priority, j.scheduled_at
    FROM autonomy_job_queue j JOIN autonomy_runs r ON r.id = j.run_id AND r.ended_at IS NULL
    WHERE j.state = 'queued' AND j.user_id = w.user_id AND j.scheduled_at <= now()
      AND NOT EXISTS (SELECT 1 FROM autonomy_job_queue o WHERE o.run_id = j.run_id AND o.state = 'running')
    ORDER BY j.priority, j.scheduled_at, j.id LIMIT 3
  ) job
  WHERE coalesce(busy.runs, 0) < %(per_user)s AND (SELECT coalesce(sum(runs), 0) FROM busy) < %(at_all)s
), due AS (
  SELECT j.id, r.last_seq, r.started_at, r.journey, r.route, r.priority FROM best
  JOIN autonomy_job_queue j ON j.id = best.id JOIN autonomy_runs r ON r.id = j.run_id
  WHERE j.state = 'queued' AND j.scheduled_at <= now() AND r.ended_at IS NULL
  ORDER BY best.priority, best.runs, best.scheduled_at, best.id
  LIMIT 1
  FOR NO KEY UPDATE OF r, j SKIP LOCKED
), claimed AS (
  UPDATE autonomy_job_queue j
  SET state = 'running', attempt = j.attempt + 1, lease_token = gen_random_uuid(),
      lease_expires_at = now() + make_interval(secs => %(lease)s), worker = %(worker)s,
      started_at = coalesce(j.started_at, now())
  FROM due WHERE j.id = due.id
  RETURNING j.id, j.run_id, j.kind, j.attempt, j.max_attempts, j.lease_token
), told AS (
  INSERT INTO autonomy_episodic_logs (run_id, seq, kind, node, attempt, message, data, created_at)
  SELECT claimed.run_id, due.last_seq + 1, 'run_started', due.route, claimed.attempt,
         'The run has started on the journey ' || due.journey || '.',
         jsonb_build_object('priority', due.priority), now()
  FROM claimed JOIN due USING (id) WHERE due.started_at IS NULL
  RETURNING seq
), running AS (
  UPDATE autonomy_runs r
  SET status = 'running', started_at = coalesce(r.started_at, now()), updated_at = now(),
      last_seq = r.last_seq + (SELECT count(*) FROM told)
  FROM claimed WHERE r.id = claimed.run_id
)
SELECT id, run_id, kind, attempt, max_attempts, lease_token, (SELECT seq FROM told) FROM claimed
"""

# Asked for again, a job that is there already comes back: a run has one start, and one live resume at most.
ENQUEUE = """
WITH run AS (
  SELECT id, user_id FROM autonomy_runs
  WHERE id = %(run)s AND user_id = coalesce(%(user)s, user_id) AND journey = coalesce(%(journey)s, journey)
), new AS (
  INSERT INTO autonomy_job_queue
    (run_id, user_id, kind, state, priority, scheduled_at, attempt, max_attempts, worker, last_error, created_at)
  SELECT run.id, run.user_id, %(kind)s, 'queued', %(priority)s, coalesce(%(at)s, now()), 0,
         %(max_attempts)s, '', '', now()
  FROM run
  ON CONFLICT DO NOTHING
  RETURNING *
)
SELECT new.*, true AS is_new FROM new
UNION ALL
SELECT j.*, false FROM autonomy_job_queue j JOIN run ON run.id = j.run_id
WHERE j.kind = %(kind)s AND (j.kind = 'start' OR j.state IN ('queued', 'running'))
LIMIT 1
"""

# The clock, not the transaction's start: this may have waited for a commit that took long.
RENEW = """
UPDATE autonomy_job_queue SET lease_expires_at = clock_timestamp() + make_interval(secs => %(lease)s)
WHERE id = %(job)s AND state = 'running' AND lease_token = %(token)s
RETURNING id
"""

# --- checkpoints: both faces of the checkpointer write through these. `run_id` comes from {run}, a row or none. ---

# Rows come as JSON, their bytes beside it in an array.

_PUT = """
put_blobs AS (
  INSERT INTO autonomy_checkpoint_blobs (run_id, namespace, channel, version, type, blob)
  SELECT {run}.run_id, new.namespace, new.channel, new.version, new.type, (%(blob_bytes)s::bytea[])[new.place]
  FROM {run}, json_to_recordset(%(blobs)s::json)
    AS new(place int, namespace text, channel text, version text, type text)
  ON CONFLICT (run_id, namespace, channel, version) DO NOTHING
), put_checkpoints AS (
  INSERT INTO autonomy_checkpoints
    (run_id, namespace, checkpoint_id, parent_checkpoint_id, checkpoint, metadata, created_at)
  SELECT {run}.run_id, new.*, now()
  FROM {run}, json_to_recordset(%(checkpoints)s::json)
    AS new(namespace text, checkpoint_id text, parent text, checkpoint jsonb, metadata jsonb)
  ON CONFLICT (run_id, namespace, checkpoint_id)
  DO UPDATE SET checkpoint = EXCLUDED.checkpoint, metadata = EXCLUDED.metadata
), put_writes AS (
  INSERT INTO autonomy_checkpoint_writes
    (run_id, namespace, checkpoint_id, task_id, task_path, idx, channel, type, blob)
  SELECT {run}.run_id, new.namespace, new.checkpoint_id, new.task_id, new.task_path, new.idx, new.channel, new.type,
         (%(write_bytes)s::bytea[])[new.place]
  FROM {run}, json_to_recordset(%(writes)s::json)
    AS new(place int, namespace text, checkpoint_id text, task_id text, task_path text, idx int, channel text,
           type text)
  ON CONFLICT (run_id, namespace, checkpoint_id, task_id, idx)
  DO UPDATE SET channel = EXCLUDED.channel, type = EXCLUDED.type, blob = EXCLUDED.blob
  -- Special writes (errors, interrupts, resumes) have negative places and replace; of ordinary ones the first stays.
  WHERE EXCLUDED.idx < 0
)
"""

PUT = f"WITH run AS (SELECT %(run)s::uuid AS run_id), {_PUT.format(run='run')} SELECT 1"

# --- episodes: numbered on from the run's newest, whose row the statement holds ---

_TELL = """
told AS (
  INSERT INTO autonomy_episodic_logs (run_id, seq, kind, node, attempt, message, data, actor_id, created_at)
  SELECT {run}.run_id, {run}.last_seq + new.place, new.kind, new.node, new.attempt, new.message, new.data, new.actor_id,
         now()
  FROM {run}, json_to_recordset(%(episodes)s::json)
    AS new(place int, kind text, node text, attempt int, message text, data jsonb, actor_id int)
  RETURNING seq
)
"""

# Both rows are held: a lease that is taken away while this waits for the run is seen.
APPEND = f"""
WITH leased AS (
  SELECT r.id AS run_id, r.last_seq FROM autonomy_runs r JOIN autonomy_job_queue j ON j.run_id = r.id
  WHERE r.id = %(run)s AND j.id = %(job)s AND j.state = 'running' AND j.lease_token = %(token)s
  FOR NO KEY UPDATE OF r FOR SHARE OF j
), {_TELL.format(run="leased")}
UPDATE autonomy_runs r SET last_seq = r.last_seq + (SELECT count(*) FROM told)
FROM leased WHERE r.id = leased.run_id
RETURNING r.last_seq
"""

# --- a superstep: nothing is written, and no row comes back, unless the job's lease is still ours ---

# What others may change of a run while a worker has it; a commit brings back how it stands.
MOVED_BY_OTHERS = (
    "supersteps", "last_seq", "priority", "cancel_requested_at",
    "limit_tokens", "limit_seconds", "limit_usd", "spent_tokens", "spent_seconds", "spent_usd",
)  # fmt: skip

COMMIT = f"""
WITH held AS (
  SELECT id AS run_id, last_seq, priority FROM autonomy_runs WHERE id = %(run)s FOR NO KEY UPDATE
), job AS (
  UPDATE autonomy_job_queue j
  SET state = CASE WHEN %(keeps_job)s::boolean THEN 'running' ELSE 'done' END,
      attempt = CASE WHEN %(keeps_job)s::boolean THEN 1 ELSE j.attempt END,
      lease_token = CASE WHEN %(keeps_job)s::boolean THEN j.lease_token END,
      -- Left alone while it is long enough: an indexed column that changes makes every index of the table change.
      lease_expires_at = CASE WHEN %(keeps_job)s::boolean THEN CASE
        WHEN j.lease_expires_at > now() + make_interval(secs => %(lease)s / 2) THEN j.lease_expires_at
        ELSE now() + make_interval(secs => %(lease)s) END END,
      finished_at = CASE WHEN NOT %(keeps_job)s::boolean THEN now() END
  FROM held
  WHERE j.id = %(job)s AND j.run_id = held.run_id AND j.state = 'running' AND j.lease_token = %(token)s
  RETURNING j.run_id, j.user_id, held.last_seq, held.priority
), {_PUT.format(run="job")}, {_TELL.format(run="job")}, next_job AS (
  INSERT INTO autonomy_job_queue
    (run_id, user_id, kind, state, priority, scheduled_at, attempt, max_attempts, worker, last_error, created_at)
  SELECT job.run_id, job.user_id, 'continue', 'queued', job.priority, now(), 0, %(max_attempts)s, '', '', now()
  FROM job WHERE %(status)s::text = 'queued'
)
UPDATE autonomy_runs r
SET status = %(status)s::text, outcome = %(outcome)s::text, reason = %(reason)s, route = %(route)s,
    revision = %(revision)s,
    supersteps = r.supersteps + 1, last_seq = r.last_seq + (SELECT count(*) FROM told),
    spent_seconds = r.spent_seconds + %(seconds)s, updated_at = now(),
    ended_at = CASE WHEN %(outcome)s::text <> '' THEN now() END
FROM job WHERE r.id = job.run_id
RETURNING {", ".join(f"r.{name}" for name in MOVED_BY_OTHERS)}
"""


def execute(statement: str, parameters: Mapping[str, Any], *, after: str | None = None) -> list[tuple[Any, ...]]:
    """Run one of the statements above in one round trip: prepared by the server, its values sent beside it.

    `after` is a statement that goes before it in the same transaction, without parameters and without an answer.
    """
    with connection.cursor() as cursor, connection.wrap_database_errors:
        raw = cast("psycopg.Connection[Any]", cursor.connection)
        try:
            if after is None:
                return psycopg.Cursor(raw).execute(statement, parameters).fetchall()
            with raw.pipeline():
                psycopg.Cursor(raw).execute(after)
                answered = psycopg.Cursor(raw).execute(statement, parameters)
            return answered.fetchall()
        except psycopg.errors.FeatureNotSupported:
            # A migration changed what the statement answers with; prepared in this session it would fail for ever.
            raw.close()
            raise

"""The SQL of money: what is reserved before a provider is called, and settled once it has answered.

Each is one statement, run by statements.execute: the row of the attempt and the run's totals move together, whichever
threads, workers or machines call at the same time. The run's row is the lock.
"""

from __future__ import annotations

# No row comes back where the run cannot pay the worst case besides all that is reserved already. What is known to cost
# nothing is never refused: a document that waits for its report is looked after, whatever its run has spent.
RESERVE = """
WITH run AS (
  UPDATE autonomy_runs
  SET reserved_tokens = reserved_tokens + %(tokens_in)s + %(tokens_out)s,
      reserved_usd = reserved_usd + coalesce(%(usd)s::numeric, 0)
  WHERE id = %(run)s
    AND (%(free)s
         OR spent_tokens + reserved_tokens + %(tokens_in)s + %(tokens_out)s <= limit_tokens
         AND spent_usd + reserved_usd + coalesce(%(usd)s::numeric, 0) <= limit_usd)
  RETURNING id
)
INSERT INTO autonomy_provider_calls
  (run_id, operation_id, kind, node, provider, model, attempt, outcome, tokens_in, tokens_out, tokens_cached, usd,
   estimated, latency_ms, error, created_at)
SELECT run.id, %(operation)s, %(kind)s, %(node)s, %(provider)s, %(model)s, %(attempt)s, 'pending',
       %(tokens_in)s, %(tokens_out)s, 0, %(usd)s::numeric, true, 0, '', now()
FROM run
RETURNING id
"""

# Once only: of a call that is settled no row comes back. One that was given up as lost is put right. The totals are
# those of the row once it is held: from the statement's beginning, when it may not have been lost yet, Postgres would
# first reckon a spend below nothing, and refuse it.
SETTLE = """
WITH before AS (
  SELECT id, outcome, tokens_in + tokens_out AS tokens, coalesce(usd, 0) AS usd
  FROM autonomy_provider_calls WHERE id = %(call)s AND outcome IN ('pending', 'lost') FOR UPDATE
), settled AS (
  UPDATE autonomy_provider_calls c
  SET outcome = %(outcome)s, model = %(model)s, http_status = %(http_status)s, tokens_in = %(tokens_in)s,
      tokens_out = %(tokens_out)s, tokens_cached = %(tokens_cached)s, usd = %(usd)s::numeric,
      estimated = %(estimated)s, latency_ms = %(latency_ms)s, error = %(error)s
  FROM before WHERE c.id = before.id
  RETURNING c.run_id, before.outcome AS was, before.tokens, before.usd
), held AS (
  SELECT s.*, r.id, r.spent_tokens, r.spent_usd, r.reserved_tokens, r.reserved_usd
  FROM settled s JOIN autonomy_runs r ON r.id = s.run_id FOR NO KEY UPDATE OF r
)
UPDATE autonomy_runs r
SET spent_tokens = held.spent_tokens + %(tokens_in)s + %(tokens_out)s
      - CASE WHEN held.was = 'lost' THEN held.tokens ELSE 0 END,
    spent_usd = least(held.spent_usd + coalesce(%(usd)s::numeric, 0)
      - CASE WHEN held.was = 'lost' THEN held.usd ELSE 0 END, %(most_usd)s::numeric),
    reserved_tokens = held.reserved_tokens - CASE WHEN held.was = 'pending' THEN held.tokens ELSE 0 END,
    reserved_usd = held.reserved_usd - CASE WHEN held.was = 'pending' THEN held.usd ELSE 0 END
FROM held WHERE r.id = held.id
RETURNING r.id
"""

# No answer can come any more: nobody knows what was paid, and so it is the most that was reserved. A run whose row
# somebody holds is left for the next time: it must not hold up the others, nor two of these each other.
LOSE = """
WITH lost AS (
  UPDATE autonomy_provider_calls
  SET outcome = 'lost', error = 'its worker died before the answer was written down',
      latency_ms = least(extract(epoch FROM now() - created_at) * 1000, 2147483647)
  WHERE id IN (
    SELECT c.id FROM autonomy_provider_calls c JOIN autonomy_runs r ON r.id = c.run_id
    WHERE c.outcome = 'pending' AND c.created_at < now() - make_interval(secs => %(seconds)s)
    ORDER BY c.created_at LIMIT %(limit)s FOR NO KEY UPDATE OF c, r SKIP LOCKED
  )
  RETURNING run_id, tokens_in + tokens_out AS tokens, coalesce(usd, 0) AS usd
), by_run AS (
  SELECT run_id, sum(tokens) AS tokens, sum(usd) AS usd, count(*) AS calls FROM lost GROUP BY run_id
)
UPDATE autonomy_runs r
SET spent_tokens = r.spent_tokens + by_run.tokens,
    spent_usd = least(r.spent_usd + by_run.usd, %(most_usd)s::numeric),
    reserved_tokens = r.reserved_tokens - by_run.tokens, reserved_usd = r.reserved_usd - by_run.usd
FROM by_run WHERE r.id = by_run.run_id
RETURNING r.id, by_run.calls
"""

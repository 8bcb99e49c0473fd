"""A year of Autonomy in SQL, oldest rows first, as they would have come. The same size gives the same rows.

`bench.runs` is the plan: a line a run, with what will have become of it. All else is made from it. Every CHECK and
every trigger holds while the rows come; indexes.py sees to the rest.
"""

from __future__ import annotations

RUNS, USERS, LONG = 100_000, 50, 5000  # runs at scale 1; people; episodes of a long run, of which there is one in 1000

BULK = (
    "autonomy_episodic_logs", "autonomy_provider_calls", "autonomy_job_queue", "autonomy_checkpoints",
    "autonomy_sources", "autonomy_passages",
)  # fmt: skip

PLAN = """
CREATE SCHEMA bench;
SELECT setseed(0.42);
INSERT INTO auth_user (username, password, first_name, last_name, email, is_staff, is_active, is_superuser, date_joined)
SELECT 'author' || lpad(n::text, 2, '0'), '!', '', '', '', n % 10 = 0, true, false, now() - interval '1 year'
FROM generate_series(1, {users}) n;

CREATE TABLE bench.users AS
SELECT row_number() OVER (ORDER BY id)::int AS n, id FROM auth_user WHERE username LIKE 'author__';

CREATE TABLE bench.runs AS
WITH drawn AS MATERIALIZED (
  SELECT n, 1 + floor(power(random(), 2) * {users})::int AS owner, random() AS luck, random() AS length
  FROM generate_series(1, {runs}) n
)
SELECT drawn.n, md5('run ' || drawn.n)::uuid AS id, u.id AS user_id,
  now() - interval '1 hour' - interval '365 days' * (1 - drawn.n / {runs}.0) AS created_at,
  CASE WHEN drawn.n > {runs} * 0.998 THEN 'running' WHEN drawn.n > {runs} * 0.99 THEN 'queued'
       WHEN luck < 0.1 AND drawn.n > {runs} * 0.6 THEN 'waiting_human'
       WHEN luck < 0.6 THEN 'accepted' WHEN luck < 0.66 THEN 'revisions_exhausted'
       WHEN luck < 0.8 THEN 'budget_exceeded' WHEN luck < 0.92 THEN 'failed' ELSE 'cancelled' END AS fate,
  CASE WHEN drawn.n > {runs} * 0.99 AND drawn.n <= {runs} * 0.998 THEN 1 WHEN drawn.n % 1000 = 500 THEN {long}
       ELSE 20 + floor(length * 51)::int END AS episodes,
  CASE WHEN drawn.n % 1000 = 500 THEN 21600 ELSE 300 + floor(length * 1500)::int END AS seconds
FROM drawn JOIN bench.users u ON u.n = drawn.owner ORDER BY drawn.n;
ALTER TABLE bench.runs ADD PRIMARY KEY (n);
ANALYZE bench.runs;

-- Before those that the engine makes: their ids begin with 1.
CREATE FUNCTION bench.checkpoint_id(n int, c int) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT '0f0' || lpad(to_hex(n), 5, '0') || '-' || lpad(to_hex(c), 4, '0') || '-6000-8000-000000000000'
$$;

CREATE TABLE bench.kinds (k int PRIMARY KEY, kind text, node text, message text, data jsonb);
INSERT INTO bench.kinds VALUES
  (0, 'source_read', 'research',
   'flood-defences.pdf was read: 4,120 words in 38 passages.',
   '{{"key": "vandenberg2019", "words": 4120, "passages": 38, "media_type": "application/pdf"}}'),
  (1, 'node_finished', 'plan',
   'plan has finished; next is research.',
   '{{"route_in": "plan", "route_out": "research", "tokens_in": 1480, "tokens_out": 624, "usd": 0.0131}}'),
  (2, 'planned', 'plan',
   'The plan has 5 sections: Causes, What is at stake, Walls and barriers, Living with water, What it costs.',
   '{{"sections": ["s1", "s2", "s3", "s4", "s5"], "title": "Living with the sea"}}'),
  (3, 'progress', 'draft',
   'Section 3 of 5, Walls and barriers, is written: 412 words, 6 citations.',
   '{{"section": "s3", "words": 412, "cited": ["vandenberg2019", "hinkel2018"], "writer": "first"}}'),
  (4, 'retry', 'draft',
   'first: the provider answered 429; asked again in 3.4 s (attempt 2 of 3).',
   '{{"event": "retry", "provider": "first", "attempt": 2, "reason": "rate_limited", "wait": 3.4}}'),
  (5, 'searched', 'research',
   'crossref found 12 works for “surge barriers maintenance cost”.',
   '{{"provider": "crossref", "query": "surge barriers maintenance cost", "found": 12}}'),
  (6, 'source_found', 'research',
   'Found: Coastal adaptation and its price, 2021.',
   '{{"key": "okafor2021", "doi": "10.1000/xyz123", "provider": "openalex"}}'),
  (7, 'node_finished', 'research',
   'research has finished; next is draft.',
   '{{"route_in": "research", "route_out": "draft", "tokens_in": 2210, "tokens_out": 310, "usd": 0.0089}}'),
  (8, 'drafted', 'draft',
   'The draft is written: 1,980 words, 5 sections, 23 citations.',
   '{{"words": 1980, "sections": 5, "citations": 23, "writers": ["first", "second"]}}'),
  (9, 'gates_passed', 'critic',
   'All gates passed: form, citing, quoting.',
   '{{"gates": ["form", "citing", "quoting"], "preflight": 0.04}}'),
  (10, 'fallback', 'draft',
   'first did not answer; second is asked.',
   '{{"from": "first", "to": "second", "reason": "server_error"}}'),
  (11, 'node_finished', 'draft',
   'draft has finished; next is critic.',
   '{{"route_in": "draft", "route_out": "critic", "tokens_in": 8210, "tokens_out": 3904, "usd": 0.0721}}');
"""

RUN = """
INSERT INTO autonomy_runs
  (id, user_id, journey, title, task_spec, started_by_id, request_fingerprint, forked_from_id, forked_from_checkpoint,
   priority, status, outcome, reason, route, revision, supersteps, last_seq, target_similarity, max_revisions,
   limit_tokens, limit_seconds, limit_usd, spent_tokens, spent_seconds, spent_usd, reserved_tokens, reserved_usd,
   cancel_requested_at, created_at, started_at, ended_at, updated_at, checkpoints_pruned_at, checkpoints_kept)
SELECT id, user_id, (ARRAY['essay', 'essay', 'report', 'literature_review'])[1 + n % 4], title,
  jsonb_build_object('topic', title || ': causes, costs and what towns do about it', 'sections', '[]'::jsonb,
                     'words', 600 + 100 * (n % 20), 'web_search', n % 3 = 0),
  user_id, '', CASE WHEN n % 50 = 0 THEN md5('run ' || n - 7)::uuid END, CASE WHEN n % 50 = 0 THEN 'gone' ELSE '' END,
  CASE WHEN n % 20 = 0 THEN 2 ELSE 5 END, status, outcome,
  CASE fate WHEN 'failed' THEN 'No provider answered: first said 503, second said that its quota is used up.'
            WHEN 'budget_exceeded' THEN 'The limit of usd is used up.' ELSE '' END,
  CASE WHEN ended_at IS NOT NULL THEN 'END' WHEN fate = 'queued' THEN 'plan' WHEN fate = 'running' THEN 'draft'
       ELSE 'turnitin_pause' END,
  0, episodes / 10, episodes, 0.15, CASE WHEN fate = 'revisions_exhausted' THEN 0 ELSE 3 END, 200000, 900, 5,
  least(200000, episodes * 900), least(900, seconds / 4.0),
  CASE WHEN fate = 'budget_exceeded' THEN 5 ELSE least(5, episodes * 0.02) END, 0, 0,
  CASE WHEN fate = 'cancelled' THEN ended_at - interval '5 seconds' END, created_at,
  CASE WHEN fate <> 'queued' THEN created_at + interval '2 seconds' END, ended_at, coalesce(ended_at, created_at),
  CASE WHEN ended_at < now() - interval '1 day' THEN ended_at + interval '1 hour' END,
  CASE WHEN ended_at < now() - interval '1 day' THEN 50 END
FROM (
  SELECT r.*,
    (ARRAY['Sea walls', 'Managed retreat', 'Surge barriers', 'Mangrove belts', 'Early warning', 'Flood insurance',
           'Sponge cities', 'Drainage', 'Salt marshes', 'Building codes'])[1 + n % 10] || ' in ' ||
    (ARRAY['Rotterdam', 'Jakarta', 'Miami', 'Dhaka', 'Venice', 'Lagos', 'Shanghai', 'Alexandria', 'Manila', 'Hamburg',
           'Mumbai', 'New Orleans', 'Osaka', 'Hull', 'Beira', 'Recife', 'Suva'])[1 + n % 17] || ', ' ||
    (ARRAY['an essay', 'a report', 'a survey', 'a review'])[1 + n / 10 % 4] AS title,
    CASE WHEN fate IN ('accepted', 'revisions_exhausted', 'budget_exceeded') THEN 'done' ELSE fate END AS status,
    CASE WHEN fate IN ('running', 'queued', 'waiting_human') THEN '' ELSE fate END AS outcome,
    CASE WHEN fate NOT IN ('running', 'queued', 'waiting_human')
         THEN least(now(), created_at + make_interval(secs => seconds)) END AS ended_at
  FROM bench.runs r
) r ORDER BY n
"""

EPISODE = """
INSERT INTO autonomy_episodic_logs (run_id, seq, kind, node, attempt, message, data, actor_id, created_at)
SELECT r.id, s,
  CASE WHEN s = 1 THEN 'run_queued' WHEN s = 2 THEN 'run_started' WHEN s < r.episodes THEN k.kind
       WHEN r.fate IN ('failed', 'cancelled') THEN 'run_' || r.fate
       WHEN r.fate IN ('running', 'queued') THEN k.kind
       WHEN r.fate = 'waiting_human' THEN 'cycle_opened' ELSE 'run_ended' END,
  CASE WHEN s <= 2 THEN '' ELSE k.node END, 1,
  CASE WHEN s = 1 THEN 'The run is queued.' ELSE k.message END, k.data,
  CASE WHEN s = 1 THEN r.user_id END,
  least(now(), r.created_at + make_interval(secs => r.seconds * s::float / r.episodes))
FROM bench.runs r CROSS JOIN LATERAL generate_series(1, r.episodes) s JOIN bench.kinds k ON k.k = s % 12
"""

CALL = """
INSERT INTO autonomy_provider_calls
  (run_id, operation_id, kind, node, provider, model, attempt, outcome, http_status, tokens_in, tokens_out,
   tokens_cached, usd, estimated, latency_ms, error, created_at)
SELECT id, md5(n || ' ' || c)::uuid, CASE WHEN searches THEN 'search' ELSE 'llm' END,
  CASE WHEN searches THEN 'research' ELSE (ARRAY['plan', 'draft', 'draft', 'critic'])[1 + c % 4] END,
  CASE WHEN searches THEN (ARRAY['crossref', 'openalex'])[1 + c % 2]
       ELSE (ARRAY['first', 'first', 'second', 'third'])[1 + c % 4] END,
  CASE WHEN searches THEN '' ELSE (ARRAY['gpt-4o', 'gpt-4o', 'claude-sonnet-4-5', 'qwen3:8b'])[1 + c % 4] END,
  1, outcome, CASE outcome WHEN 'ok' THEN 200 WHEN 'retryable' THEN 429 WHEN 'final' THEN 400 END,
  CASE WHEN searches OR outcome IN ('retryable', 'final') THEN 0 ELSE 1200 + c % 4000 END,
  CASE WHEN searches OR outcome IN ('retryable', 'final') THEN 0 ELSE 300 + c % 900 END, 0,
  CASE WHEN searches OR outcome IN ('retryable', 'final') THEN 0 ELSE 0.01 + (c % 100) / 5000.0 END,
  outcome = 'lost', CASE WHEN searches THEN 300 + c % 500 ELSE 2000 + (n * 7 + c * 131) % 9000 END,
  CASE outcome WHEN 'retryable' THEN 'HTTP 429: too many requests'
               WHEN 'final' THEN 'HTTP 400: the request is malformed'
               WHEN 'lost' THEN 'its worker died before the answer was written down' ELSE '' END,
  least(now(), created_at + make_interval(secs => seconds * c::float / calls))
FROM (
  SELECT r.*, c, r.episodes * 2 / 5 AS calls, c % 5 = 0 AS searches,
    CASE WHEN (n + c) % 17 = 0 THEN 'retryable' WHEN (n + c) % 203 = 0 THEN 'final'
         WHEN (n + c) % 1009 = 0 THEN 'lost' ELSE 'ok' END AS outcome
  FROM bench.runs r CROSS JOIN LATERAL generate_series(1, r.episodes * 2 / 5) c
) c
"""

JOB = """
INSERT INTO autonomy_job_queue
  (run_id, user_id, kind, state, priority, scheduled_at, attempt, max_attempts, lease_token, lease_expires_at, worker,
   last_error, created_at, started_at, finished_at)
SELECT id, user_id,
  CASE WHEN j = 1 THEN 'start' WHEN j = jobs AND fate IN ('accepted', 'revisions_exhausted') THEN 'resume'
       ELSE 'continue' END,
  state, 5, at, CASE WHEN state = 'queued' THEN 0 ELSE 1 END, 5,
  CASE WHEN state = 'running' THEN gen_random_uuid() END,
  CASE WHEN state = 'running' THEN now() + interval '1 day' END,
  CASE WHEN state = 'queued' THEN '' ELSE 'worker-' || n % 4 || '@machine' END,
  CASE WHEN state = 'failed' THEN 'No provider answered.' ELSE '' END, at,
  CASE WHEN state <> 'queued' THEN at END,
  CASE WHEN state NOT IN ('queued', 'running') THEN least(now(), at + make_interval(secs => seconds / jobs)) END
FROM (
  SELECT r.*, j, least(now(), r.created_at + make_interval(secs => r.seconds * (j - 1) / r.jobs)) AS at,
    CASE WHEN j < r.jobs THEN 'done' WHEN r.fate IN ('queued', 'running', 'failed', 'cancelled') THEN r.fate
         ELSE 'done' END AS state
  FROM (SELECT *, CASE WHEN fate = 'queued' THEN 1 WHEN episodes = {long} THEN 40 ELSE 3 END AS jobs
        FROM bench.runs) r
  CROSS JOIN LATERAL generate_series(1, r.jobs) j
) j
"""

CHECKPOINT = """
INSERT INTO autonomy_checkpoints
  (run_id, namespace, checkpoint_id, parent_checkpoint_id, checkpoint, metadata, created_at)
SELECT r.id, '', bench.checkpoint_id(n, c), CASE WHEN c > 1 THEN bench.checkpoint_id(n, c - 1) END,
  jsonb_build_object('v', 4, 'id', bench.checkpoint_id(n, c), 'ts', r.created_at,
    'channel_values', jsonb_build_object('run_id', r.id, 'user_id', r.user_id, 'revision', 0, 'journey', 'essay',
      'route', (ARRAY['plan', 'research', 'draft', 'critic'])[1 + c % 4]),
    'channel_versions', jsonb_build_object('run_id', '1', 'user_id', '1', 'journey', '1', 'revision', '1',
                                           'route', c::text),
    'versions_seen', '{{}}'::jsonb),
  jsonb_build_object('step', c - 2, 'source', CASE WHEN c = 1 THEN 'update' ELSE 'loop' END, 'parents', '{{}}'::jsonb),
  least(now(), r.created_at + make_interval(secs => r.seconds * c::float / checkpoints))
FROM (SELECT *, CASE WHEN fate = 'queued' THEN 1 WHEN episodes = {long} THEN 200 ELSE 3 + n % 3 END AS checkpoints
      FROM bench.runs) r
CROSS JOIN LATERAL generate_series(1, r.checkpoints) c
"""
SOURCE = """
INSERT INTO autonomy_sources
  (run_id, key, title, filename, origin, original, sha256, status, skipped_reason, media_type, headings, csl, words,
   created_at)
SELECT r.id, 'vandenberg20' || lpad(s::text, 2, '0'), 'Coastal adaptation and its price, volume ' || s,
  'coastal-' || s || '.pdf', CASE WHEN s % 3 = 0 THEN 'search' ELSE 'upload' END, 'bytes', md5(s::text) || md5(s::text),
  CASE WHEN (n + s) % 19 = 0 THEN 'skipped' ELSE 'read' END,
  CASE WHEN (n + s) % 19 = 0 THEN 'The file is encrypted.' ELSE '' END, 'application/pdf', '["Introduction", "Costs"]',
  '{{"type": "article-journal", "title": "Coastal adaptation and its price", "DOI": "10.1000/xyz123"}}', 4120,
  r.created_at
FROM bench.runs r CROSS JOIN LATERAL generate_series(1, CASE WHEN episodes = {long} THEN 40 ELSE 1 + n % 2 END) s
"""

PASSAGE = """
INSERT INTO autonomy_passages (run_id, source_id, position, text)
SELECT s.run_id, s.id, p, 'A sea wall is a wall built along the shore to keep the water out of a town, stretch ' || p
  || '. Waves that meet the wall are thrown back, and the beach before it wears away over the years.'
FROM autonomy_sources s JOIN bench.runs r ON r.id = s.run_id CROSS JOIN LATERAL generate_series(0, 1) p
WHERE s.status = 'read'
"""

# As they come about: opened, reported, judged. The triggers look on.
CYCLE = """
INSERT INTO autonomy_turnitin_cycles
  (id, run_id, number, state, target_similarity, markdown, docx, opened_at)
SELECT md5('cycle ' || n)::uuid, id, 1, 'awaiting_report', 0.15, id || '/draft-1.md', id || '/draft-1.docx',
  least(now(), created_at + make_interval(secs => seconds * 0.8))
FROM bench.runs WHERE fate IN ('waiting_human', 'accepted', 'revisions_exhausted') ORDER BY n
"""

REPORT = """
INSERT INTO autonomy_turnitin_reports
  (cycle_id, report_url, observed_similarity, top_matches, human_uploader_id, via, delivered_by_id, received_at,
   cycle_state, too_late, resume_job_id)
SELECT md5('cycle ' || n)::uuid, 'https://reports.example.org/' || n,
  CASE fate WHEN 'accepted' THEN 0.01 + n % 14 / 100.0 ELSE 0.2 + n % 60 / 100.0 END, '[]', 'lab ' || n % 7,
  CASE WHEN n % 3 = 0 THEN 'console' ELSE 'api' END, r.user_id,
  least(now(), r.created_at + make_interval(secs => seconds * 0.9)), 'report_ready', false, j.id
FROM bench.runs r JOIN autonomy_job_queue j ON j.run_id = r.id AND j.kind = 'resume' ORDER BY n
"""

READY = """
UPDATE autonomy_turnitin_cycles c
SET state = 'report_ready', report_id = r.id, report_at = r.received_at, observed_similarity = r.observed_similarity,
    resume_job_id = r.resume_job_id
FROM autonomy_turnitin_reports r WHERE r.cycle_id = c.id AND r.report_url LIKE 'https://reports.example.org/%'
"""

JUDGED = """
UPDATE autonomy_turnitin_cycles c
SET state = CASE WHEN c.observed_similarity <= c.target_similarity THEN 'accepted' ELSE 'rejected' END,
    closed_at = r.ended_at
FROM autonomy_runs r WHERE r.id = c.run_id AND c.state = 'report_ready' AND r.ended_at IS NOT NULL
"""

SUBMISSION = """
INSERT INTO autonomy_turnitin_submissions
  (cycle_id, state, turnitin_id, due_at, failures, trouble, similarity, opened_at, uploaded_at, completed_at, pdf_id,
   pdf)
SELECT id, CASE WHEN state = 'awaiting_report' THEN 'scanning' ELSE 'complete' END, md5(id::text),
  CASE WHEN state = 'awaiting_report' THEN now() + interval '1 hour' END, 0, '', observed_similarity, opened_at,
  opened_at, CASE WHEN state <> 'awaiting_report' THEN report_at END, '', ''
FROM autonomy_turnitin_cycles c WHERE c.run_id IN (SELECT id FROM bench.runs) ORDER BY opened_at
"""

ADMIN_LOG = """
INSERT INTO django_admin_log
  (action_time, object_id, object_repr, action_flag, change_message, content_type_id, user_id)
SELECT created_at, r.id, 'A run', 2, 'Retried.', t.id, user_id FROM bench.runs r
JOIN django_content_type t ON t.app_label = 'autonomy' AND t.model = 'run' WHERE n % 2 = 0 ORDER BY n
"""

IN_BULK = {
    "episodes": EPISODE,
    "provider calls": CALL,
    "jobs": JOB,
    "checkpoints": CHECKPOINT,
    "sources": SOURCE,
    "passages": PASSAGE,
}

# One after the other: each reads what the one before wrote.
IN_TURN = {
    "cycles": CYCLE,
    "reports": REPORT,
    "cycles with a report": READY,
    "cycles that are judged": JUDGED,
    "submissions": SUBMISSION,
    "the console's log": ADMIN_LOG,
}

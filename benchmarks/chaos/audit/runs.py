"""Runs and their jobs: ended or rightly waiting, nothing stuck, and failed only after every attempt."""

from __future__ import annotations

from benchmarks.chaos.audit.check import check, sentences


@check
def every_run_ended_or_waits_rightly() -> list[str]:
    """It has ended, or waits at its pause for the report of the one cycle that is open."""
    return sentences("""
        SELECT format('Run %s is %s at %s with %s open cycles, %s of them awaiting a report.',
                      r.id, r.status, r.route, count(c.id), count(c.id) FILTER (WHERE c.state = 'awaiting_report'))
        FROM autonomy_runs r
        LEFT JOIN autonomy_turnitin_cycles c ON c.run_id = r.id AND c.withdrawn_at IS NULL
                                            AND c.state IN ('awaiting_report', 'report_ready')
        WHERE r.ended_at IS NULL
        GROUP BY r.id
        HAVING NOT (r.status = 'waiting_human' AND r.route = 'turnitin_pause' AND count(c.id) = 1
                    AND count(c.id) FILTER (WHERE c.state = 'awaiting_report') = 1)
    """)


@check
def no_job_is_stuck() -> list[str]:
    """Nothing is queued or running: neither a run that has ended nor one that waits has work left."""
    return sentences("""
        SELECT format('Job %s (%s) of run %s is still %s, attempt %s of %s, while the run is %s.',
                      j.id, j.kind, j.run_id, j.state, j.attempt, j.max_attempts, r.status)
        FROM autonomy_job_queue j JOIN autonomy_runs r ON r.id = j.run_id WHERE j.state IN ('queued', 'running')
    """)


@check
def no_lease_is_left() -> list[str]:
    return sentences("""
        SELECT format('Job %s of run %s (%s) still holds a lease of %s.', id, run_id, state, worker)
        FROM autonomy_job_queue WHERE lease_token IS NOT NULL OR lease_expires_at IS NOT NULL
    """)


@check
def attempts_are_within_bounds() -> list[str]:
    """Of jobs, and of the episodes that tell them. A job that was done was claimed before."""
    return sentences("""
        SELECT format('Job %s of run %s is %s after %s of %s attempts.', id, run_id, state, attempt, max_attempts)
        FROM autonomy_job_queue
        WHERE attempt > max_attempts OR (attempt = 0 AND state IN ('done', 'failed')) OR attempt < 0
        UNION ALL
        SELECT format('Episode %s of run %s tells attempt %s, more than any of its jobs may have.',
                      e.seq, e.run_id, e.attempt)
        FROM autonomy_episodic_logs e
        WHERE e.attempt > (SELECT max(j.max_attempts) FROM autonomy_job_queue j WHERE j.run_id = e.run_id)
    """)


@check
def jobs_belong_to_the_owner_of_their_run() -> list[str]:
    return sentences("""
        SELECT format('Job %s of run %s is counted for user %s; the run belongs to user %s.',
                      j.id, j.run_id, j.user_id, r.user_id)
        FROM autonomy_job_queue j JOIN autonomy_runs r ON r.id = j.run_id WHERE j.user_id <> r.user_id
    """)


@check
def every_run_was_started_once() -> list[str]:
    """One start job, one run_queued episode, and at most one run_started: none only if no superstep was committed."""
    return sentences("""
        SELECT format('Run %s has %s start jobs, %s run_queued and %s run_started episodes after %s supersteps.',
                      r.id, jobs.n, told.queued, told.started, r.supersteps)
        FROM autonomy_runs r,
        LATERAL (SELECT count(*) n FROM autonomy_job_queue WHERE run_id = r.id AND kind = 'start') jobs,
        LATERAL (SELECT count(*) FILTER (WHERE kind = 'run_queued') queued,
                        count(*) FILTER (WHERE kind = 'run_started') started
                 FROM autonomy_episodic_logs WHERE run_id = r.id) told
        WHERE jobs.n <> 1 OR told.queued <> 1 OR told.started > 1 OR (told.started = 0 AND r.supersteps > 0)
    """)


@check
def runs_failed_only_after_every_attempt() -> list[str]:
    """At each failure one superstep had lost every attempt to its worker, or a question was of no use to any provider:
    attempts at those are the operation's to repeat. The episodes say so."""
    return sentences("""
        SELECT format('Run %s failed (%s, episode %s) after %s of %s attempts at one superstep: %s',
                      r.id, coalesce(f.data ->> 'code', 'no code'), f.seq, tries.n, jobs.bound, f.message)
        FROM autonomy_episodic_logs f JOIN autonomy_runs r ON r.id = f.run_id,
        LATERAL (SELECT max(max_attempts) bound FROM autonomy_job_queue WHERE run_id = r.id) jobs,
        LATERAL (SELECT coalesce(max(seq), 0) seq FROM autonomy_episodic_logs
                 WHERE run_id = r.id AND seq < f.seq
                   AND kind IN ('node_finished', 'node_paused', 'run_retried', 'budget_raised')) progress,
        LATERAL (SELECT count(*) + (f.data ->> 'code' IS DISTINCT FROM 'worker_lost')::int n
                 FROM autonomy_episodic_logs e
                 WHERE e.run_id = r.id AND e.seq > progress.seq AND e.seq < f.seq
                   AND e.kind IN ('lease_expired', 'step_failed')) tries
        WHERE f.kind = 'run_failed' AND (
            (tries.n < jobs.bound AND f.data ->> 'code' = 'worker_lost') OR f.message = ''
            OR coalesce(f.data ->> 'code', '') NOT IN ('worker_lost', 'provider_unavailable', 'unusable_answer'))
        UNION ALL
        SELECT format('Run %s has failed and does not say why.', id) FROM autonomy_runs
        WHERE status = 'failed' AND reason = ''
    """)


@check
def nothing_failed_inside() -> list[str]:
    """The only unexpected errors are those of a database that was away."""
    return sentences("""
        SELECT format('Run %s met an unexpected %s at %s in attempt %s (episode %s).',
                      run_id, data ->> 'type', node, attempt, seq)
        FROM autonomy_episodic_logs
        WHERE kind IN ('step_failed', 'run_failed') AND data ->> 'code' = 'internal'
          AND (kind = 'run_failed' OR data ->> 'type' NOT IN ('OperationalError', 'InterfaceError'))
    """)

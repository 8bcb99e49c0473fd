"""The episodic log: gapless, each superstep once and in order, each ending once."""

from __future__ import annotations

from benchmarks.chaos.audit.check import check, sentences


@check
def episodes_are_gapless() -> list[str]:
    """1, 2, 3 … up to the run's last_seq."""
    return sentences("""
        SELECT format('Run %s has %s episodes numbered %s to %s, and its last_seq is %s.',
                      r.id, count(e.id), min(e.seq), max(e.seq), r.last_seq)
        FROM autonomy_runs r LEFT JOIN autonomy_episodic_logs e ON e.run_id = r.id
        GROUP BY r.id
        HAVING count(DISTINCT e.seq) <> r.last_seq OR count(e.id) <> r.last_seq
            OR min(e.seq) <> 1 OR max(e.seq) <> r.last_seq
    """)


@check
def supersteps_are_committed_once() -> list[str]:
    """The episodes tell the supersteps 1, 2, 3 … in this order, each once, up to the run's count."""
    return sentences("""
        SELECT format('Run %s counts %s supersteps; its episodes tell %s.', r.id, r.supersteps, told.numbers)
        FROM autonomy_runs r,
        LATERAL (SELECT coalesce(array_agg((data ->> 'superstep')::int ORDER BY seq), '{}') numbers
                 FROM autonomy_episodic_logs WHERE run_id = r.id AND kind IN ('node_finished', 'node_paused')) told
        WHERE told.numbers <> ARRAY(SELECT generate_series(1, r.supersteps::int))
    """)


@check
def routes_follow_each_other() -> list[str]:
    """Each superstep begins at the node to which the one before it led."""
    return sentences("""
        SELECT format('Run %s went on at %s (episode %s), though the superstep before it led to %s.',
                      run_id, route_in, seq, before)
        FROM (SELECT run_id, seq, data ->> 'route_in' route_in,
                     lag(data ->> 'route_out', 1, 'plan') OVER (PARTITION BY run_id ORDER BY seq) before
              FROM autonomy_episodic_logs WHERE kind IN ('node_finished', 'node_paused')) steps
        WHERE route_in IS DISTINCT FROM before
    """)


@check
def endings_are_told_once_and_last() -> list[str]:
    """Endings and reopenings (a retry, a raised budget) take turns, and the last episode of an ended run is its ending.

    What comes of its documents afterwards is told and not acted on: Turnitin changes its figure, somebody has it asked,
    a report comes too late. And a run that failed takes in reports, which it finds when it is retried.

    The ending is of the kind of the run's outcome; a run that has not ended has none that was not reopened.
    """
    return sentences("""
        SELECT format('Run %s is %s (%s); it tells %s and its last episode is %s.',
                      r.id, r.status, r.outcome, told.turns, told.newest)
        FROM autonomy_runs r,
        LATERAL (SELECT coalesce(array_agg(kind::text ORDER BY seq) FILTER (WHERE is_ending OR reopens), '{}') turns,
                        (array_agg(kind::text ORDER BY seq DESC) FILTER (
                  WHERE kind NOT IN ('similarity_updated', 'turnitin_asked', 'report_too_late')
                  AND (r.status <> 'failed' OR kind NOT IN ('report_received', 'report_incomplete'))))[1] newest,
                        coalesce(bool_or(is_ending AND followed_by_ending), false) doubled,
                        count(*) FILTER (WHERE is_ending) - count(*) FILTER (WHERE reopens) surplus
                 FROM (SELECT *, lead(is_ending) OVER (PARTITION BY is_ending OR reopens ORDER BY seq)
                                   followed_by_ending
                       FROM (SELECT seq, kind, kind IN ('run_ended', 'run_failed', 'run_cancelled') is_ending,
                                    kind = 'run_retried' OR (kind = 'budget_raised' AND data ->> 'goes_on' = 'true')
                                      reopens
                             FROM autonomy_episodic_logs WHERE run_id = r.id) each) paired) told,
        LATERAL (SELECT CASE r.status WHEN 'done' THEN 'run_ended' WHEN 'failed' THEN 'run_failed'
                                      WHEN 'cancelled' THEN 'run_cancelled' END kind) due
        WHERE told.doubled OR told.surplus <> (due.kind IS NOT NULL)::int
           OR (due.kind IS NOT NULL AND told.newest <> due.kind)
    """)

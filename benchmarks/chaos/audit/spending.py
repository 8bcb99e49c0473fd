"""Sources and provider calls: each read once, each attempt counted once."""

from __future__ import annotations

from benchmarks.chaos.audit.check import check, sentences


@check
def sources_are_read_once() -> list[str]:
    """No source that a plan rests on is unread, each is told once, and its passages are numbered without a gap."""
    return sentences("""
        SELECT format('Source %s of run %s is %s, told %s times, with %s passages up to number %s.',
                      s.key, s.run_id, s.status, told.n, kept.n, kept.highest)
        FROM autonomy_sources s JOIN autonomy_runs r ON r.id = s.run_id,
        LATERAL (SELECT count(*) n, coalesce(max(position), 0) highest
                 FROM autonomy_passages WHERE source_id = s.id) kept,
        LATERAL (SELECT count(*) n FROM autonomy_episodic_logs
                 WHERE run_id = s.run_id AND kind IN ('source_read', 'source_skipped')
                   AND data ->> 'key' = s.key) told
        WHERE kept.n <> kept.highest OR told.n <> (s.status <> 'pending')::int
           OR (r.supersteps > 0 AND s.status = 'pending') OR (s.status = 'read') <> (kept.n > 0)
    """)


@check
def spend_is_the_sum_of_the_calls() -> list[str]:
    """A run's tokens and dollars are those of its provider calls, to the last digit; those under way are reserved."""
    return sentences("""
        SELECT format('Run %s says it spent %s tokens and %s USD in %s s and reserved %s and %s; '
                      'its calls add up to %s and %s, and %s and %s.',
                      r.id, r.spent_tokens, r.spent_usd, r.spent_seconds, r.reserved_tokens, r.reserved_usd,
                      calls.tokens, calls.usd, calls.reserved_tokens, calls.reserved_usd)
        FROM autonomy_runs r,
        LATERAL (SELECT coalesce(sum(tokens_in + tokens_out) FILTER (WHERE outcome <> 'pending'), 0) tokens,
                        coalesce(sum(usd) FILTER (WHERE outcome <> 'pending'), 0) usd,
                        coalesce(sum(tokens_in + tokens_out) FILTER (WHERE outcome = 'pending'), 0) reserved_tokens,
                        coalesce(sum(usd) FILTER (WHERE outcome = 'pending'), 0) reserved_usd
                 FROM autonomy_provider_calls WHERE run_id = r.id) calls
        WHERE r.spent_tokens <> calls.tokens OR r.spent_usd <> calls.usd OR r.spent_seconds < 0
           OR r.reserved_tokens <> calls.reserved_tokens OR r.reserved_usd <> calls.reserved_usd
           OR (r.supersteps > 0 AND r.spent_seconds = 0)
    """)


@check
def lost_calls_are_taken_for_spent() -> list[str]:
    """A call whose worker died in it is pending for its time-out and a minute, and beyond that for an outage alone."""
    return sentences("""
        SELECT format('Call %s of run %s has been pending since %s.', id, run_id, created_at)
        FROM autonomy_provider_calls WHERE outcome = 'pending' AND created_at < now() - interval '3 minutes'
    """)


@check
def no_limit_is_crossed() -> list[str]:
    """Not by one token, nor by what may still be used, however often workers died and calls were made again."""
    return sentences("""
        SELECT format('Run %s has spent %s tokens and %s USD and reserved %s and %s, and its limits are %s and %s.',
                      id, spent_tokens, spent_usd, reserved_tokens, reserved_usd, limit_tokens, limit_usd)
        FROM autonomy_runs
        WHERE spent_tokens + reserved_tokens > limit_tokens OR spent_usd + reserved_usd > limit_usd
    """)


@check
def calls_are_numbered_without_gap() -> list[str]:
    """The attempts of one call are 1, 2, 3 …: none is missing from the ledger."""
    return sentences("""
        SELECT format('Call %s of run %s has the attempts %s.', operation_id, run_id, numbers)
        FROM (SELECT run_id, operation_id, array_agg(attempt::int ORDER BY attempt) numbers
              FROM autonomy_provider_calls GROUP BY run_id, operation_id) calls
        WHERE numbers <> ARRAY(SELECT generate_series(1, cardinality(numbers)))
    """)

"""The table at the end: what was done to the engine, and what it made of it."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection

from benchmarks.chaos.storm import Storm, Toll
from benchmarks.chaos.worker_logs import late_workers


def rows(storm: Storm, answers: Mapping[str, int], logs: Path, seconds: float) -> list[tuple[str, str]]:
    """`answers`: what the model says it did."""
    toll, post = storm.toll, storm.post.counts
    told = _episodes()
    inbox, late = _row("SELECT count(*), count(*) FILTER (WHERE too_late) FROM autonomy_turnitin_reports")
    calls, failed, torn, lost, tokens, usd = _row("""
        SELECT count(*), count(*) FILTER (WHERE outcome IN ('retryable', 'final')),
               count(*) FILTER (WHERE outcome IN ('pending', 'lost')), count(*) FILTER (WHERE outcome = 'lost'),
               coalesce(sum(tokens_in + tokens_out), 0), coalesce(sum(usd), 0) FROM autonomy_provider_calls
    """)
    return [
        ("runs", _counts(_pairs(_OUTCOMES))),
        ("failed because of", _counts(_pairs(_WHY_FAILED))),
        ("supersteps committed", f"{told['node_finished'] + told['node_paused']} in {sum(told.values())} episodes"),
        ("SIGKILLs", f"{_counts(toll.kills)}; {len(toll.struck)} took a run's worker"),
        ("frozen past the lease", f"{_counts(toll.frozen)}; {toll.thawed} woke up"),
        ("workers asked to stop", f"{toll.stops}; supersteps given back: {told['step_given_back']}"),
        ("ended by themselves", _counts(toll.ended)),
        ("outages", _counts(toll.outages)),
        ("leases expired", f"{told['lease_expired']}; late workers turned away: {late_workers(logs)}"),
        ("a kill was noticed after", _after_kills(toll, "kind = 'lease_expired'")),
        ("a run stood still for", _after_kills(toll, "node <> '' AND kind <> 'lease_expired'")),
        ("attempts that failed", f"{told['step_failed']}, tried again; provider retries {told['retry']}"),
        ("starts asked again", f"{toll.starts_again}, as Postgres was away"),
        ("people", _counts(storm.people.counts)),
        ("deliveries", f"{post['ordered']}, {post['delivered again']} of them again as Postgres was away"),
        ("… answered", f"{post['taken']} taken, {post['conflict']} refused as too late"),
        ("… kept in the inbox", f"{inbox}, {late} of them too late"),
        ("… that changed nothing", f"{post['answered'] - inbox} doubles"),
        ("resumes", str(_row("SELECT count(*) FROM autonomy_job_queue WHERE kind = 'resume'")[0])),
        ("provider calls", f"{calls}, {failed} of them failed; {tokens} tokens, {usd} USD"),
        ("… torn by a kill", f"{torn}, counted with the most they can have used; {lost} of them taken for lost by now"),
        ("… that the model counts", f"{answers['tokens']} tokens"),
        ("seconds", f"{seconds:.0f}"),
    ]  # fmt: skip


def show(rows: Iterable[tuple[str, str]]) -> str:
    listed = list(rows)
    width = max(len(name) for name, _ in listed)
    return "\n".join(f"  {name:<{width}}  {value}" for name, value in listed)


_OUTCOMES = "SELECT coalesce(nullif(outcome, ''), status), count(*) FROM autonomy_runs GROUP BY 1"
_WHY_FAILED = "SELECT data ->> 'code', count(*) FROM autonomy_episodic_logs WHERE kind = 'run_failed' GROUP BY 1"


def _after_kills(toll: Toll, kinds: str) -> str:
    """Seconds from each kill to the first such episode of its run: the longest, and those of kills with no outage near.

    Recovery is told by Redis and done in Postgres: without them it waits.
    """
    found = [(seconds, run_id, at) for at, run_id in toll.struck if (seconds := _until(at, run_id, kinds)) is not None]
    if not found:
        return "-"
    longest, run_id, _ = max(found)
    calm = [
        seconds
        for seconds, _, at in found
        if not any(began < at + timedelta(seconds=seconds) and at < ended for began, ended in toll.away)
    ]
    text = f"median {statistics.median(seconds for seconds, *_ in found):.1f} s, longest {longest:.1f} s (run {run_id})"
    return text + (f", without an outage meanwhile {max(calm):.1f} s" if calm else "")


def _until(at: datetime, run_id: UUID, kinds: str) -> float | None:
    (then,) = _row(
        f"SELECT min(created_at) FROM autonomy_episodic_logs WHERE run_id = %s AND created_at > %s AND {kinds}",
        [run_id, at],
    )
    return (then - at).total_seconds() if then else None


def _episodes() -> Counter[str]:
    return Counter(dict(_pairs("SELECT kind, count(*) FROM autonomy_episodic_logs GROUP BY 1")))


def _counts(counts: Mapping[str, int] | Iterable[tuple[str, int]]) -> str:
    found = dict(counts)
    each = ", ".join(f"{count} {name}" for name, count in sorted(found.items(), key=lambda one: -one[1]))
    return f"{sum(found.values())} ({each})" if found else "0"


def _pairs(sql: str) -> list[tuple[str, int]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [(str(name), int(count)) for name, count in cursor.fetchall()]


def _row(sql: str, values: list[Any] | None = None) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone()


def unsettled() -> list[str]:
    """Why it did not settle: the runs that neither ended nor wait, with their jobs and last episodes."""
    with connection.cursor() as cursor:
        cursor.execute("""
            SELECT r.id, r.status, r.route,
              (SELECT json_agg(json_build_array(j.id, j.kind, j.state, j.attempt, j.scheduled_at, j.worker,
                                                j.lease_expires_at, j.last_error) ORDER BY j.id)
               FROM autonomy_job_queue j WHERE j.run_id = r.id AND j.finished_at IS NULL),
              (SELECT json_agg(json_build_array(e.seq, e.kind, e.created_at, e.message) ORDER BY e.seq)
               FROM autonomy_episodic_logs e WHERE e.run_id = r.id AND e.seq > r.last_seq - 4)
            FROM autonomy_runs r WHERE r.ended_at IS NULL AND (r.status <> 'waiting_human'
              OR EXISTS (SELECT 1 FROM autonomy_job_queue j WHERE j.run_id = r.id AND j.finished_at IS NULL))
        """)
        found = cursor.fetchall()
    return [
        f"Run {run_id} has not settled: {status} at {route}; its jobs {_text(jobs)}; its last episodes {_text(last)}"
        for run_id, status, route, jobs, last in found
    ]


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)

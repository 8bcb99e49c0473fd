"""What Prometheus asks of the database: how many runs and jobs there are, how late the queue is, what was spent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import structlog
from django.db import Error as DatabaseError
from django.db import connection, transaction
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from autonomy.models import Job, Run

log = structlog.get_logger(__name__)

# A figure is at least so many seconds old before it is asked for again, and so many times as old as asking took:
# however often and by whomever it is scraped, a web process spends a twentieth of the time on a statement at most.
FRESH = 5.0
SPARE = 20.0
PATIENCE_MS = 5000
CONNECT_SECONDS = 3.0

# One pass over the narrow columns; there is no index to keep, which every commit would have to pay for.
RUNS = """
SELECT status, outcome, count(*), sum(spent_tokens), sum(spent_seconds), sum(spent_usd)
FROM autonomy_runs GROUP BY status, outcome
"""
# The index job_by_state leads to the live ones; those that are over are many, and not read.
JOBS = """
SELECT state, kind, count(*),
       count(*) FILTER (WHERE state = 'queued' AND scheduled_at <= now()),
       extract(epoch FROM now() - min(scheduled_at) FILTER (WHERE state = 'queued' AND scheduled_at <= now())),
       count(*) FILTER (WHERE state = 'running' AND lease_expires_at < now())
FROM autonomy_job_queue WHERE state IN ('queued', 'running') GROUP BY state, kind
"""
# What there can be is told as 0, so that an alert can tell none from not known.
STATUSES = [
    *((status.value, "") for status in Run.Status if status not in Run.ENDED),
    *((Run.Status.DONE.value, outcome) for outcome in ("accepted", "budget_exceeded", "revisions_exhausted")),
    (Run.Status.FAILED.value, "failed"),
    (Run.Status.CANCELLED.value, "cancelled"),
]
QUEUE = [(state.value, kind.value) for state in (Job.State.QUEUED, Job.State.RUNNING) for kind in Job.Kind]
BREAKER = {"closed": 0, "half_open": 1, "open": 2}

Breakers = Callable[[], Mapping[str, Mapping[str, Any]]]


class InTheDatabase(Collector):
    """Asked at each scrape. `breakers` tells `{"<kind>:<provider>": {"state": "closed" | "half_open" | "open", …}}`.

    Where the database does not answer there are no figures, and `autonomy_database_up` is 0.
    """

    def __init__(self, breakers: Breakers = dict) -> None:
        self._breakers = breakers
        self._queue = _Answer(JOBS, _of_jobs)
        self._runs = _Answer(RUNS, _of_runs)

    def collect(self) -> Iterable[Metric]:
        queue = self._queue.metrics()
        yield GaugeMetricFamily("autonomy_database_up", "Whether PostgreSQL answered.", value=float(bool(queue)))
        yield from queue
        yield from self._runs.metrics() if queue else ()
        states = GaugeMetricFamily(
            "autonomy_breaker_state", "0 closed, 1 half-open, 2 open.", labels=["kind", "provider"]
        )
        for key, told in self._breakers().items():
            states.add_metric(key.split(":", 1), BREAKER[told["state"]])
        yield states


class _Answer:
    """What a statement told last, for as long as it may be kept. Empty where it was not answered."""

    def __init__(self, statement: str, figures: Callable[[list[tuple[Any, ...]]], Iterable[Metric]]) -> None:
        self._statement = statement
        self._figures = figures
        self._lock = threading.Lock()
        self._known: list[Metric] = []
        self._until = 0.0

    def metrics(self) -> list[Metric]:
        # Those who come together wait for one answer.
        with self._lock:
            if time.monotonic() >= self._until:
                self._known, took = self._ask()
                self._until = time.monotonic() + max(FRESH, SPARE * took)
            return self._known

    def _ask(self) -> tuple[list[Metric], float]:
        """The figures, and for how many seconds the database was busy with them: not at all where it is away."""
        began = None
        try:
            _connect()
            began = time.monotonic()
            return [*self._figures(_rows(self._statement))], time.monotonic() - began
        except DatabaseError as error:
            log.warning("metrics_not_read", error=type(error).__name__)
            return [], time.monotonic() - began if began else 0.0


def _connect() -> None:
    """Django waits half a minute for a database that is away; whoever scrapes has left by then."""
    pool = getattr(connection, "pool", None)
    if pool and connection.connection is None:
        with connection.wrap_database_errors:
            pool.putconn(pool.getconn(timeout=CONNECT_SECONDS))


def _rows(statement: str) -> list[tuple[Any, ...]]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = {PATIENCE_MS}")
        cursor.execute(statement)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _of_runs(rows: list[tuple[Any, ...]]) -> Iterable[Metric]:
    counts = dict.fromkeys(STATUSES, 0) | {(status, outcome): count for status, outcome, count, *_ in rows}
    runs = GaugeMetricFamily("autonomy_runs", "Runs by status and outcome.", labels=["status", "outcome"])
    for labels, count in counts.items():
        runs.add_metric(labels, count)
    yield runs
    for place, unit, what in (
        (3, "tokens", "Tokens"),
        (4, "seconds", "Seconds of execution"),
        (5, "usd", "US dollars"),
    ):
        total = float(sum(row[place] for row in rows))
        yield GaugeMetricFamily(f"autonomy_spent_{unit}", f"{what} that all runs there are have spent.", value=total)


def _of_jobs(rows: list[tuple[Any, ...]]) -> Iterable[Metric]:
    counts = dict.fromkeys(QUEUE, 0) | {(state, kind): count for state, kind, count, *_ in rows}
    depth = GaugeMetricFamily("autonomy_queue_depth", "Jobs that are not over.", labels=["state", "kind"])
    for labels, count in counts.items():
        depth.add_metric(labels, count)
    yield depth
    due, expired = sum(row[3] for row in rows), sum(row[5] for row in rows)
    yield GaugeMetricFamily("autonomy_queue_due", "Jobs in the queue whose time has come.", value=due)
    oldest = max((float(row[4]) for row in rows if row[4] is not None), default=0.0)
    told = "How long the oldest job that is due has waited; 0 where none is."
    yield GaugeMetricFamily("autonomy_oldest_due_job_age_seconds", told, value=oldest)
    held = sum(count for (state, _), count in counts.items() if state == Job.State.RUNNING)
    leases = GaugeMetricFamily("autonomy_leases", "Jobs on workers; expired: the worker is gone.", labels=["state"])
    leases.add_metric(["held"], held - expired)
    leases.add_metric(["expired"], expired)
    yield leases

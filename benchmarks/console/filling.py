"""Fills a migrated database with rows.py, quickly: no index is kept up meanwhile, and nothing is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable

import psycopg

from benchmarks.console import indexes, rows

COUNTED = ("autonomy_runs", *rows.BULK, "autonomy_turnitin_cycles", "autonomy_turnitin_reports")
# Only for the fill; the server is measured with the settings it always has.
FOR_THE_FILL = {"max_wal_size": "8GB", "checkpoint_timeout": "1h", "autovacuum": "off"}
SESSION = "SET synchronous_commit = off; SET maintenance_work_mem = '512MB'; SET work_mem = '128MB'; SET jit = off"


def is_filled(url: str, runs: int) -> bool:
    """Raises SystemExit if it is filled in another size."""
    with psycopg.connect(url) as connection:
        there = connection.execute("SELECT to_regclass('bench.filled')").fetchone()
        if not there or there[0] is None:
            return False
        found = connection.execute("SELECT runs FROM bench.filled").fetchone()
    if not found or found[0] != runs:
        raise SystemExit("This folder holds data of another SCALE, or was not filled to the end: remove it.")
    return True


def fill(url: str, runs: int, tell: Callable[[str], None]) -> None:
    names = {"runs": runs, "users": rows.USERS, "long": rows.LONG}
    began = time.monotonic()

    def told(what: str, do: Callable[[], object]) -> None:
        since = time.monotonic()
        do()
        tell(f"  {what}: {time.monotonic() - since:.1f} s")

    with psycopg.connect(url, autocommit=True) as connection:

        def execute(statement: str) -> None:
            connection.execute(statement.format(**names).encode())

        _tune(connection, on=True)
        connection.execute(SESSION)
        with connection.transaction():
            told("the plan", lambda: execute(rows.PLAN))
            connection.execute("CREATE TABLE bench.filled (runs int)")
        told("runs", lambda: execute(rows.RUN))
        since = time.monotonic()
        with indexes.away(connection, rows.BULK):
            for what, statement in rows.IN_BULK.items():
                told(what, lambda statement=statement: execute(statement))  # type: ignore[misc]
            tell(f"  all of them: {time.monotonic() - since:.1f} s; their indexes …")
            since = time.monotonic()
        tell(f"  indexes and keys: {time.monotonic() - since:.1f} s")
        for what, statement in rows.IN_TURN.items():
            connection.execute("ANALYZE")  # or a join of what has just come is planned as if it were empty
            told(what, lambda statement=statement: execute(statement))  # type: ignore[misc]
        _tune(connection, on=False)
        told("VACUUM ANALYZE", lambda: connection.execute("VACUUM (ANALYZE)"))
        told("CHECKPOINT", lambda: connection.execute("CHECKPOINT"))
        for table in COUNTED:
            size = connection.execute(
                "SELECT reltuples::bigint, pg_size_pretty(pg_total_relation_size(oid)) "
                "FROM pg_class WHERE oid = %s::regclass",
                [table],
            ).fetchone()
            assert size
            tell(f"  {table}: {size[0]:,} rows, {size[1]}")
    tell(f"  filled in {time.monotonic() - began:.0f} s")


def mark(url: str, runs: int) -> None:
    """Say that it is filled to the end."""
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO bench.filled VALUES (%s)", [runs])


def _tune(connection: psycopg.Connection, *, on: bool) -> None:
    for name, value in FOR_THE_FILL.items():
        connection.execute(f"ALTER SYSTEM SET {name} = '{value}'" if on else f"ALTER SYSTEM RESET {name}")
    connection.execute("SELECT pg_reload_conf()")

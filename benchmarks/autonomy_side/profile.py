"""Where the processor time of a run goes: runs are started and then executed in this process, without Celery."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.autonomy_side.stage import Stage
from benchmarks.cpu import milliseconds_by_owner, milliseconds_of
from benchmarks.subject import answer, asked

ROOT = Path(__file__).resolve().parents[2]

OWNERS = {
    "/langgraph/": "LangGraph",
    "/langchain_core/": "LangGraph",
    "/psycopg": "psycopg",
    "/redis/": "Redis client",
    "/django_eventstream/": "Redis client",
    "/celery/": "Celery client",
    "/kombu/": "Celery client",
    "/django/": "Django",
    str(ROOT / "autonomy"): "Autonomy",
    str(ROOT / "benchmarks"): "the nodes",
}
POSTGRES = "Postgres"


def main() -> None:
    given = asked()
    stage = Stage(given)
    start_all(stage, given.warmup)
    execute_all()
    started = measured(given.runs, lambda: start_all(stage, given.runs))
    executed = measured(given.runs, execute_all)
    answer(start_run=started, execute=executed)


def measured(runs: int, work: Callable[[], object]) -> dict[str, float]:
    """Milliseconds a run, of this process by owner and of the Postgres process that serves it."""
    from django.db import connection

    connection.ensure_connection()
    server = connection.connection.info.backend_pid
    before = milliseconds_of(server)
    spent = milliseconds_by_owner(work, OWNERS)
    spent[POSTGRES] = milliseconds_of(server) - before
    return {owner: each / runs for owner, each in spent.items()}


def start_all(stage: Stage, runs: int) -> None:
    for _ in range(runs):
        stage.start()


def execute_all() -> None:
    from autonomy.runtime import queue, step

    while claim := queue.claim():
        step.execute(claim)


if __name__ == "__main__":
    main()

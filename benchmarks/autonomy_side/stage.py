"""Autonomy set up in this process as the one who starts runs, with real workers and a real beat beside it."""

from __future__ import annotations

import os
import sys
import time
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from autonomy.management.processes import Processes
from benchmarks.autonomy_side.environment import environment
from benchmarks.subject import wait_for

SOURCE = b"Nothing in this bench reads its sources."


class Stage:
    def __init__(self, given: Namespace) -> None:
        os.environ.update(
            environment(
                database_url=given.database,
                redis_url=given.redis,
                data_dir=Path(given.data_dir),
                processes=given.processes,
            )
        )
        import django

        django.setup()
        self.find_owner()
        self._started = 0
        # A connection of its own, so that watching is one statement and nothing else.
        self._watching = psycopg.connect(given.database, autocommit=True, prepare_threshold=1)

    def find_owner(self) -> None:
        from django.contrib.auth.models import User

        self.owner, _ = User.objects.get_or_create(username="bench")

    def start(self, node_seconds: float = 0.0) -> UUID:
        from autonomy.services.start_run import GivenSource, start_run

        run, _ = start_run(
            owner=self.owner, journey="bench", task_spec=task_spec(node_seconds), sources=[GivenSource("a.txt", SOURCE)]
        )
        self._started += 1
        return run.pk

    def start_many(self, runs: int, node_seconds: float = 0.0) -> float:
        """Seconds from the first start to the last run's end."""
        began = time.monotonic()
        for _ in range(runs):
            self.start(node_seconds)
        self.wait()
        return time.monotonic() - began

    def one_run(self) -> None:
        """Start one and return when it has ended."""
        pk = self.start()
        while not self._one("SELECT ended_at FROM autonomy_runs WHERE id = %s", pk):
            time.sleep(0.0005)

    def wait(self) -> None:
        """Until every run that was started here has ended; all of them must have gone the whole way."""
        wait_for(self._started, lambda: self._one("SELECT count(*) FROM autonomy_runs WHERE ended_at IS NOT NULL"))
        wrong = self._one("SELECT count(*) FROM autonomy_runs WHERE outcome <> 'accepted' OR supersteps <> 5")
        if wrong:
            raise RuntimeError(f"{wrong} runs did not end as they should")

    def supersteps(self) -> int:
        return int(self._one("SELECT sum(supersteps) FROM autonomy_runs"))

    def _one(self, statement: str, *values: Any) -> Any:
        row = self._watching.execute(statement, values).fetchone()
        return row[0] if row else None


def task_spec(node_seconds: float = 0.0) -> dict[str, Any]:
    return {"topic": "bench", "node_seconds": node_seconds}


@contextmanager
def workers(given: Namespace, *, web_port: int = 0) -> Iterator[None]:
    """`celery worker` with so many processes, and `celery beat`; the web server too if a port is given."""
    processes = Processes(patience=10)
    log = Path(given.data_dir) / "autonomy.log"
    python = [sys.executable, "-m"]
    celery = [*python, "celery", "--quiet", "-A", "config"]
    commands: Mapping[str, list[str]] = {
        "worker": [*celery, "worker", "--without-gossip", "--without-mingle"],
        "beat": [*celery, "beat"],
    }
    if web_port:
        web = [*python, "uvicorn", "config.asgi:application", "--port", str(web_port), "--lifespan", "off"]
        commands = {**commands, "web": [*web, "--log-level", "warning"]}
    try:
        for name, command in commands.items():
            processes.start(name, command, os.environ, output=log)
        yield
    finally:
        processes.stop()

"""Runs one subject after the other, each in a process of its own on a fresh database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from autonomy.management.processes import Processes
from benchmarks.autonomy_side.environment import environment
from benchmarks.services import ROOT, TEMPLATE, Services
from benchmarks.subjects import Subject
from config.service_urls import celery_broker

PEERS = ROOT / "benchmarks" / ".venv" / "bin" / "python"
# For one subject; it gives up by itself long before, when nothing moves.
PATIENCE = 600.0


class Broken(Exception):
    """A subject could not be measured."""


class Runner:
    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._services = Services()
        self._migrate()

    def measure(self, subject: Subject, **arguments: Any) -> dict[str, Any]:
        """What the subject answered. Raises Broken with the end of its output."""
        template = TEMPLATE if subject.ours else "template0"
        database = self._services.database("bench", template=template)
        redis = self._services.redis(1 if subject.ours else 2)
        arguments = {
            "processes": self._processes,
            "database": database,
            "spare": self._services.database("bench_spare", template=template) if subject.spare else "",
            "redis": redis,
            "broker": celery_broker(redis),
            "data_dir": self._services.data_dir,
        } | arguments
        python = Path(sys.executable) if subject.ours else PEERS
        command = [str(python), "-m", f"benchmarks.{subject.module}"]
        for name, value in arguments.items():
            command += [f"--{name.replace('_', '-')}", str(value)]
        output = self._services.data_dir / "subject.log"
        output.write_bytes(b"")
        code = _run(command, output)
        lines = output.read_text(errors="replace").splitlines()
        answers = [line for line in lines if line.startswith("{")]
        if code or not answers:
            raise Broken("\n".join([f"{subject.name}: exit code {code}", *lines[-30:]]))
        return dict(json.loads(answers[-1]))

    def _migrate(self) -> None:
        url = self._services.database(TEMPLATE)
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
            cwd=ROOT,
            env=environment(
                database_url=url, redis_url=self._services.redis(1), data_dir=self._services.data_dir, processes=1
            ),
            check=True,
        )


def _run(command: list[str], output: Path) -> int | None:
    processes = Processes(patience=5)
    deadline = time.monotonic() + PATIENCE
    try:
        processes.start("subject", command, os.environ, output=output)
        ended = processes.wait(lambda: time.monotonic() > deadline)
        return ended[1] if ended else None
    finally:
        processes.stop()

"""Outages of the embedded services. A guardian brings them back as soon as they are wanted again."""

from __future__ import annotations

import os
import random
import signal
import time

from config.embedded import Plan
from config.embedded.postgres_server import PostgresServer
from config.embedded.redis_server import RedisServer
from config.embedded.server import Server

POSTGRES_WAYS = ("fast", "immediate")
REDIS_WAYS = ("stopped", "hung and killed", "killed")
HANG = 3.0


def restart_postgres(plan: Plan, way: str, chance: random.Random) -> None:
    """`fast` rolls back what is open and ends cleanly; `immediate` is a crash. Down for up to two seconds."""
    _outage(plan, PostgresServer(plan.folders), signal.SIGINT if way == "fast" else signal.SIGQUIT, chance, 2.0)


def restart_redis(plan: Plan, way: str, chance: random.Random) -> None:
    """Down for up to five seconds; one that hangs before takes connections and never answers."""
    server = RedisServer(plan.folders)
    if way == "hung and killed":
        pid = server.recorded_pid()
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        time.sleep(HANG)
    _outage(plan, server, signal.SIGTERM if way == "stopped" else signal.SIGKILL, chance, 5.0)


def _outage(plan: Plan, server: Server, number: signal.Signals, chance: random.Random, longest: float) -> None:
    wanted = plan.folders.wanted(server.name)
    wanted.unlink(missing_ok=True)  # or the guardian would have it back at once
    pid = server.recorded_pid()
    assert pid is not None, f"{server.name} does not run"
    os.kill(pid, number)
    while server.runs() and server.recorded_pid() == pid:
        time.sleep(0.02)
    time.sleep(chance.uniform(0, longest))
    wanted.touch()
    plan.ensure()

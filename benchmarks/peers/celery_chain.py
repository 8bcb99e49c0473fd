"""Celery on Redis: a chain of five tasks a run, each handing its state to the next one. Nothing is durable."""

from __future__ import annotations

import os
import sys
import time
import uuid
from pathlib import Path

import redis
from celery import Celery, chain

from autonomy.management.processes import Processes
from benchmarks.subject import answer, asked, milliseconds, wait_for
from benchmarks.work import STEPS, text_of

ENDED = "ended"
app = Celery("bench", broker=os.environ.get("BENCH_BROKER"))
app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True, worker_hijack_root_logger=False)


@app.task(name="step")
def step(state: dict[str, str], number: int) -> dict[str, str]:
    changed = state | {"markdown": text_of(state["run_id"], number)}
    if number == STEPS - 1:
        _counter().rpush(ENDED, state["run_id"])
    return changed


def start() -> str:
    run_id = str(uuid.uuid4())
    first, *others = range(STEPS)
    chain(step.s({"run_id": run_id}, first), *(step.s(number) for number in others)).apply_async()
    return run_id


_connection: list[redis.Redis] = []


def _counter() -> redis.Redis:
    if not _connection:
        _connection.append(redis.Redis.from_url(os.environ["BENCH_REDIS"]))
    return _connection[0]


def main() -> None:
    given = asked()
    os.environ |= {"BENCH_BROKER": given.broker, "BENCH_REDIS": given.redis}
    app.conf.broker_url = given.broker
    _counter().flushdb()
    processes = Processes(patience=10)
    command = [sys.executable, "-m", "celery", "--quiet", "-A", "benchmarks.peers.celery_chain", "worker"]
    command += ["--concurrency", str(given.processes), "--without-gossip", "--without-mingle"]

    def start_many(runs: int) -> float:
        before, began = _counter().llen(ENDED), time.monotonic()
        for _ in range(runs):
            start()
        wait_for(before + runs, lambda: _counter().llen(ENDED))
        return time.monotonic() - began

    def one_run() -> None:
        start()
        _counter().blpop([ENDED])

    try:
        processes.start("worker", command, os.environ, output=Path(given.data_dir) / "celery.log")
        start_many(given.warmup * given.processes)
        seconds = start_many(given.runs)
        _counter().delete(ENDED)
        taken = milliseconds(given.sequential, one_run)
    finally:
        processes.stop()
    answer(runs=given.runs, seconds=seconds, milliseconds=taken)


if __name__ == "__main__":
    main()

"""LangGraph alone: the same graph, invoked in processes of its own, nothing queued."""

from __future__ import annotations

import multiprocessing
import time
import uuid
from argparse import Namespace
from collections.abc import Callable
from contextlib import AbstractContextManager
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver

from benchmarks.cpu import milliseconds_of
from benchmarks.graph import build, first_state
from benchmarks.subject import PATIENCE, milliseconds
from benchmarks.work import STEPS, text_of

Savers = Callable[[str], AbstractContextManager[BaseCheckpointSaver[Any]]]


def one_run(graph: Any) -> None:
    run_id = str(uuid.uuid4())
    state = graph.invoke(first_state(run_id), {"configurable": {"thread_id": run_id}}, durability="sync")
    assert state["draft"]["markdown"] == text_of(run_id, STEPS - 1)


def measure(given: Namespace, savers: Savers) -> dict[str, Any]:
    """Seconds for all runs, shared out to the processes, from their common start to the last one's end; then of
    single runs the milliseconds, and the processor time here and in Postgres."""
    context = multiprocessing.get_context("spawn")
    together, results = context.Barrier(given.processes), context.SimpleQueue()
    shares = [given.runs // given.processes + (n < given.runs % given.processes) for n in range(given.processes)]
    workers = [
        context.Process(target=_work, args=(given, savers, share, together, results), daemon=True) for share in shares
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        if worker.exitcode:
            raise RuntimeError("a process failed")
    spans = [results.get() for _ in workers]
    with savers(given.database) as saver:
        graph = build(saver)
        one_run(graph)
        servers = [saver.conn.info.backend_pid] if hasattr(saver, "conn") else []
        began = time.process_time() * 1000, sum(map(milliseconds_of, servers))
        taken = milliseconds(given.sequential, lambda: one_run(graph))
        spent = time.process_time() * 1000 - began[0], sum(map(milliseconds_of, servers)) - began[1]
    return {
        "runs": given.runs,
        "seconds": max(end for _, end in spans) - min(begin for begin, _ in spans),
        "milliseconds": taken,
        "cpu_ms": [each / max(1, given.sequential) for each in spent],
    }


def _work(given: Namespace, savers: Savers, share: int, together: Barrier, results: SimpleQueue[Any]) -> None:
    with savers(given.database) as saver:
        graph = build(saver)
        for _ in range(given.warmup):
            one_run(graph)
        together.wait(PATIENCE)
        began = time.monotonic()  # the same clock in all processes
        for _ in range(share):
            one_run(graph)
        results.put((began, time.monotonic()))

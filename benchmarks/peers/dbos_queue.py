"""DBOS: workflows of five steps, put into its queue by a client and executed by processes of their own."""

from __future__ import annotations

import multiprocessing
import os
import time
import uuid
from multiprocessing.synchronize import Barrier

import psycopg
from dbos import DBOS, DBOSClient, EnqueueOptions

from benchmarks.storage import bytes_of
from benchmarks.subject import PATIENCE, answer, asked, milliseconds, wait_for
from benchmarks.work import STEPS, text_of

QUEUE = "bench"
# Chosen in DBOS's favour: of what was tried here, these give it the most runs a second, and a short wait for one.
POLL_SECONDS = 0.02
AT_ONCE = 8
VERSION = "bench"


@DBOS.step()
def change(run_id: str, step: int) -> dict[str, str]:
    return {"markdown": text_of(run_id, step)}


@DBOS.workflow()
def five_steps(run_id: str) -> str:
    for step in range(STEPS):
        change(run_id, step)
    return run_id


def work(database: str, together: Barrier) -> None:
    config = {"name": "bench", "system_database_url": database, "application_version": VERSION, "log_level": "ERROR"}
    DBOS(config=config)
    DBOS.launch()
    DBOS.register_queue(QUEUE, worker_concurrency=AT_ONCE, polling_interval_sec=POLL_SECONDS)
    together.wait(PATIENCE)
    while os.getppid() == multiprocessing.parent_process().pid:
        time.sleep(0.2)


def main() -> None:
    given = asked()
    context = multiprocessing.get_context("spawn")
    together = context.Barrier(given.processes + 1)
    for _ in range(given.processes):
        context.Process(target=work, args=(given.database, together), daemon=True).start()
    together.wait(PATIENCE)
    empty = bytes_of(given.database)
    client = DBOSClient(system_database_url=given.database)
    options: EnqueueOptions = {"workflow_name": "five_steps", "queue_name": QUEUE, "app_version": VERSION}
    with psycopg.connect(given.database, autocommit=True, prepare_threshold=1) as watching:

        def one(statement: str, *values: str) -> int:
            return int(watching.execute(statement, values).fetchone()[0])

        def ended() -> int:
            return one("SELECT count(*) FROM dbos.workflow_status WHERE status = 'SUCCESS'")

        def start_many(runs: int) -> float:
            before, began = ended(), time.monotonic()
            for _ in range(runs):
                client.enqueue(options, str(uuid.uuid4()))
            wait_for(before + runs, ended)
            return time.monotonic() - began

        def one_run() -> None:
            handle = client.enqueue(options, str(uuid.uuid4()))
            while not one(
                "SELECT count(*) FROM dbos.workflow_status WHERE workflow_uuid = %s AND status = 'SUCCESS'",
                handle.workflow_id,
            ):
                time.sleep(0.0005)

        start_many(given.warmup * given.processes)
        seconds = start_many(given.runs)
        taken = milliseconds(given.sequential, one_run)
        supersteps = one("SELECT count(*) FROM dbos.operation_outputs")
    answer(
        runs=given.runs,
        seconds=seconds,
        milliseconds=taken,
        bytes_per_superstep=(bytes_of(given.database) - empty) / supersteps,
    )


if __name__ == "__main__":
    main()

"""The whole path: start_run, the queue, Celery workers, commits, published episodes. Starts are part of the time."""

from __future__ import annotations

from benchmarks.autonomy_side.stage import Stage, workers
from benchmarks.storage import bytes_of
from benchmarks.subject import answer, asked, milliseconds

TABLES = ["autonomy_checkpoints", "autonomy_checkpoint_blobs", "autonomy_checkpoint_writes"]


def main() -> None:
    given = asked()
    stage = Stage(given)
    empty, all_empty = bytes_of(given.database, TABLES), bytes_of(given.database)
    with workers(given):
        stage.start_many(given.warmup * given.processes)
        seconds = stage.start_many(given.runs, given.node_seconds)
        taken = milliseconds(given.sequential, stage.one_run)
    supersteps = stage.supersteps()
    answer(
        runs=given.runs,
        seconds=seconds,
        milliseconds=taken,
        bytes_per_superstep=(bytes_of(given.database, TABLES) - empty) / supersteps,
        bytes_per_superstep_of_all=(bytes_of(given.database) - all_empty) / supersteps,
    )


if __name__ == "__main__":
    main()

"""LangGraph with its own Postgres saver, each superstep saved before the next begins; no queue."""

from __future__ import annotations

from langgraph.checkpoint.postgres import PostgresSaver

from benchmarks.peers.langgraph import measure
from benchmarks.storage import bytes_of
from benchmarks.subject import answer, asked
from benchmarks.work import STEPS

TABLES = ["checkpoints", "checkpoint_blobs", "checkpoint_writes"]


def main() -> None:
    given = asked()
    with PostgresSaver.from_conn_string(given.database) as saver:
        saver.setup()
    empty = bytes_of(given.database, TABLES)
    measured = measure(given, PostgresSaver.from_conn_string)
    runs = given.runs + given.warmup * given.processes + given.sequential + 1
    answer(**measured, bytes_per_superstep=(bytes_of(given.database, TABLES) - empty) / (runs * STEPS))


if __name__ == "__main__":
    main()

"""LangGraph with its in-memory saver: nothing is durable. The ceiling of anything built on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from langgraph.checkpoint.memory import InMemorySaver

from benchmarks.peers.langgraph import measure
from benchmarks.subject import answer, asked


@contextmanager
def in_memory(_database: str) -> Iterator[InMemorySaver]:
    yield InMemorySaver()


def main() -> None:
    answer(**measure(asked(), in_memory))


if __name__ == "__main__":
    main()

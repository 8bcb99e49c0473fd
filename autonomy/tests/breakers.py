"""Breakers on a Redis of a test's own, and what tests do with them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from autonomy.providers.breaker import Breaker
from autonomy.tests.own_redis import Server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    own = Server(tmp_path)
    yield own
    own.end()


class Clock:
    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def key() -> str:
    """Of a provider that no other test knows."""
    return f"llm:{uuid4()}"


def sharing(server: Server, **given: Any) -> Breaker:
    """A breaker that a slow machine does not take for one without Redis."""
    return Breaker(server.options, **{"patience": 30, **given})


def state(one: Breaker, key: str) -> str:
    return one.state([key])[key]["state"]


def fail(one: Breaker, key: str, times: int = 5) -> None:
    for _ in range(times):
        one.bad(key)

"""The stage of Turnitin's Core API, and who asks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from turnitin.stage import TurnitinStage
from turnitin.tests.stage.asking import KEY, Client, Receiver


@pytest.fixture
def stage() -> Iterator[TurnitinStage]:
    with TurnitinStage(key=KEY, similarities=[0.31, 0.09]) as one:
        yield one


@pytest.fixture
def clients() -> Iterator[Callable[..., Client]]:
    opened: list[Client] = []

    def make(stage: TurnitinStage, **headers: str) -> Client:
        opened.append(Client(stage, **headers))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.fixture
def client(stage, clients) -> Client:
    return clients(stage)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    one = Receiver()
    yield one
    one.close()

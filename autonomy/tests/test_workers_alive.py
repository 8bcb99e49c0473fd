"""Which workers live, as they say it themselves: with a real Redis, and with real Celery workers that are killed."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.conf import settings

from autonomy.runtime import workers
from autonomy.tests import own_redis
from autonomy.tests.breakers import server
from autonomy.tests.test_worker import celery, start_samples, status, wait_until

__all__ = ["celery", "server"]

WAYS = ["killed", "frozen", "read only", "no memory", "not Redis"]


@pytest.fixture(autouse=True)
def nobody() -> Iterator[None]:
    with redis.Redis(**settings.REDIS_OPTIONS) as client:
        client.delete(workers.KEY)
        workers._next.clear()
        yield
        client.delete(workers.KEY)


def names(within: float = workers.ALIVE_SECONDS) -> list[str]:
    found = workers.alive(within)
    assert found is not None
    return [one["name"] for one in found]


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Both clocks go ahead by so many seconds."""
    real, monotonic, ahead = time.time, time.monotonic, [0.0]
    monkeypatch.setattr(workers.time, "time", lambda: real() + ahead[0])
    monkeypatch.setattr(workers.time, "monotonic", lambda: monotonic() + ahead[0])

    def go(seconds: float) -> None:
        ahead[0] += seconds

    return go


def test_nobody_has_said_anything():
    assert workers.alive() == []


def test_a_worker_that_was_seen_is_alive_for_a_while(pass_time):
    began = time.time()
    workers.seen("here:1")
    (told,) = workers.alive() or []
    assert told["name"] == "here:1"
    assert began <= told["seen"] <= time.time()
    pass_time(19)
    assert names() == ["here:1"]
    assert names(within=18) == []
    pass_time(2)
    assert names() == []


def test_it_is_said_every_five_seconds_at_most(pass_time):
    with redis.Redis(**settings.REDIS_OPTIONS) as client:
        workers.seen("here:1")
        first = client.zscore(workers.KEY, "here:1")
        pass_time(4)
        workers.seen("here:1")
        assert client.zscore(workers.KEY, "here:1") == first
        pass_time(1.1)
        workers.seen("here:1")
        assert client.zscore(workers.KEY, "here:1") > first


def test_those_long_silent_are_removed_by_the_next_that_speaks(pass_time):
    workers.seen("here:1")
    pass_time(21)
    workers.seen("here:2")
    with redis.Redis(**settings.REDIS_OPTIONS) as client:
        assert client.zrange(workers.KEY, 0, -1) == [b"here:2"]
        assert 0 < client.ttl(workers.KEY) <= 60, "and the last one does not stay for ever"


def test_one_that_ends_says_so():
    workers.seen("here:1")
    workers.seen("here:2")
    workers.gone("here:1")
    assert names() == ["here:2"]
    workers.seen("here:1")
    assert names() == ["here:1", "here:2"]


@pytest.mark.parametrize("way", WAYS)
def test_redis_away_costs_a_moment_and_never_an_error(way, server, monkeypatch):
    options = {**server.options, "socket_timeout": 0.5, "socket_connect_timeout": 0.5}
    client = redis.Redis(**options)
    monkeypatch.setattr(workers, "_client", lambda: client)
    workers.seen("here:1")
    own_redis.lose(server, way)
    workers._next.clear()
    began = time.monotonic()
    workers.seen("here:1")
    told = workers.alive()
    workers.gone("here:1")
    assert time.monotonic() - began < 4
    if way in ("killed", "frozen", "not Redis"):
        assert told is None
    else:
        assert told is not None, "it still tells what it knows"
    if way != "not Redis":
        own_redis.regain(server, way)


def test_something_else_under_the_key_is_not_known_rather_than_none():
    with redis.Redis(**settings.REDIS_OPTIONS) as client:
        client.set(workers.KEY, "text")
        workers.seen("here:1")
        assert workers.alive() is None


@pytest.mark.django_db(transaction=True)
def test_a_real_worker_is_seen_as_long_as_it_lives_and_is_missed_when_it_is_killed(celery, start):
    # As the Makefile and manage.py stack start it.
    worker = celery("worker", "-c", "1", "--without-gossip", "--without-mingle")
    name = f"{socket.gethostname()}:{worker.pid}"
    wait_until(lambda: names() == [name])
    run = start_samples(start)
    wait_until(lambda: status(run) == "waiting_human")
    first = (workers.alive() or [])[0]["seen"]
    wait_until(lambda: (workers.alive() or [])[0]["seen"] >= first + workers.LEAST_SECONDS, 20)
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()
    assert names() == [name], "it is not missed at once"
    wait_until(lambda: names(within=7) == [], 15)


@pytest.mark.django_db(transaction=True)
def test_a_real_worker_that_is_stopped_is_gone_at_once(celery):
    worker = celery("worker", "-c", "1", "--without-gossip", "--without-mingle")
    wait_until(names)
    worker.terminate()
    assert worker.wait(30) == 0
    assert names() == []

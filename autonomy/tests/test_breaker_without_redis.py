"""What is left of the circuit breaker when Redis goes away, hangs or holds nonsense."""

from __future__ import annotations

import json
import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from structlog.testing import capture_logs

from autonomy.providers.breaker import Breaker
from autonomy.providers.breaker.shared import PREFIX
from autonomy.tests.breakers import clock, fail, key, server, sharing, state
from autonomy.tests.own_redis import lose, regain

__all__ = ["clock", "key", "server"]


@pytest.mark.parametrize("way", ["killed", "frozen", "read only", "no memory", "not Redis"])
def test_without_redis_a_process_decides_by_itself_and_says_so_once(server, key, way):
    one = sharing(server, silence=60, **patience_for(way))
    one.good(key)
    with capture_logs() as logs:
        lose(server, way)
        fail(one, key)
        assert not one.ask(key, probe_seconds=65).may_go
        assert (one.shared, state(one, key)) == (False, "open")
        assert (one.newly_local(), one.newly_local()) == (True, False)
    assert [(line["event"], line["log_level"]) for line in logs] == [("breaker_local", "warning")]


@pytest.mark.parametrize("way", ["killed", "frozen", "read only", "no memory"])
def test_redis_counts_again_when_it_is_back(server, key, way):
    one = sharing(server, silence=0, **patience_for(way))
    one.cool(key, 3600, "quota is used up")
    lose(server, way)
    one.good(key)
    one.cool(key + "2", 3600, "by ourselves")
    assert not one.shared
    with capture_logs() as logs:
        regain(server, way)
        assert one.ask(key + "2", probe_seconds=65).may_go
        fail(one, key + "2")
        assert one.shared
    assert [(line["event"], line["log_level"]) for line in logs] == [("breaker_shared", "info")]
    assert not sharing(server).ask(key + "2", probe_seconds=65).may_go


def test_each_loss_is_told_once(server, key):
    one = sharing(server, silence=0)
    assert not one.newly_local()
    for _ in range(2):
        lose(server, "killed")
        fail(one, key)
        assert (one.newly_local(), one.newly_local(), one.shared) == (True, False, False)
        regain(server, "killed")
        fail(one, key)
        assert (one.newly_local(), one.shared) == (False, True)


def test_a_replica_that_only_answers_questions_is_not_taken_for_redis_being_back(server, key):
    one = sharing(server, silence=0)
    lose(server, "read only")
    one.good(key)
    with capture_logs() as logs:
        for _ in range(3):
            assert one.ask(key, probe_seconds=65).may_go
            one.good(key)
            one.state([key])
    assert (one.shared, logs) == (False, [])


def test_what_was_seen_of_the_others_holds_while_redis_is_away(server, key):
    one = sharing(server)
    sharing(server).cool(key, 3600, "quota is used up")
    assert not one.ask(key, probe_seconds=65).may_go
    server.kill()
    assert one.ask(key, probe_seconds=65).reason == "quota is used up"
    assert not one.shared


def test_a_redis_that_failed_is_left_alone_for_a_while(server, key):
    one = sharing(server, silence=60)
    server.kill()
    one.good(key)
    server.start()
    fail(one, key)
    assert (one.shared, state(one, key), state(sharing(server), key)) == (False, "open", "closed")


def test_a_restart_between_two_calls_is_no_loss(server, key):
    one = sharing(server)
    one.good(key)
    server.kill()
    server.start()
    with capture_logs() as logs:
        fail(one, key)
    assert (one.shared, logs, state(sharing(server), key)) == (True, [], "open")


def test_a_redis_that_hangs_holds_nobody_up_for_long(server, key):
    one = Breaker(server.options | {"socket_timeout": None, "socket_connect_timeout": None})
    one.good(key)
    server.signal(signal.SIGSTOP)
    with ThreadPoolExecutor(50) as pool:
        verdicts = [*pool.map(lambda _: one.ask(key, probe_seconds=65).may_go, range(50))]
    assert (verdicts, one.shared) == ([True] * 50, False)


def test_alone_there_is_one_probe_as_well(server, clock, key):
    def slow_clock():
        time.sleep(0.001)  # lets another thread in
        return clock()

    one = sharing(server, clock=slow_clock, silence=60)
    server.kill()
    fail(one, key)
    clock.ahead = 16
    together = threading.Barrier(50)

    def ask(_):
        together.wait()
        return one.ask(key, probe_seconds=65).may_go

    with ThreadPoolExecutor(50) as pool:
        assert sum(pool.map(ask, range(50))) == 1


@pytest.mark.parametrize(
    "garbage",
    [b"", b"\xff\x00", b"[]", b'{"state": "open"}', b'{"until": 9e99}', ["a", "list"], {"a": "hash"}],
    ids=repr,
)
def test_garbage_in_the_key_is_told_and_replaced_by_what_the_process_knows(server, key, garbage):
    one, client = sharing(server), server.client()
    one.bad(key)
    put = {list: lambda: client.rpush(PREFIX + key, *garbage), dict: lambda: client.hset(PREFIX + key, mapping=garbage)}
    client.delete(PREFIX + key)
    put.get(type(garbage), lambda: client.set(PREFIX + key, garbage))()
    with capture_logs() as logs:
        one.bad(key)
    assert [(line["event"], line["key"]) for line in logs] == [("breaker_unreadable", key)]
    assert json.loads(client.get(PREFIX + key))["bad_answers"] + json.loads(client.get(PREFIX + key))["bad_before"] == 2
    assert 0 < client.ttl(PREFIX + key) <= 660
    assert one.shared


def test_the_state_is_told_over_garbage(server, key):
    server.client().set(PREFIX + key, "open")
    assert state(sharing(server), key) == "closed"


def test_threads_that_ask_while_redis_dies_and_comes_back_get_their_answers(server, key):
    """Whatever happens to Redis: no exception, and in the end one state again."""
    one, done = sharing(server, silence=0.05), threading.Event()

    def call(seed):
        chance, asked = random.Random(seed), 0
        while not done.is_set():
            verdict = one.ask(key, probe_seconds=1)
            if verdict.may_go:
                chance.choice((one.good, one.bad))(key)
            asked += 1
            time.sleep(0.001)
        return asked

    with ThreadPoolExecutor(8) as pool:
        calling = [pool.submit(call, seed) for seed in range(8)]
        for _ in range(3):
            server.kill()
            wait_until(lambda: not one.shared)
            server.start()
            wait_until(lambda: one.shared)
        done.set()
        assert all(each.result(30) for each in calling)
    one.cool(key + "2", 60, "cooled")
    assert state(sharing(server), key + "2") == "open"


def wait_until(true: Any) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def patience_for(way: str) -> dict[str, float]:
    return {"patience": 1} if way == "frozen" else {}

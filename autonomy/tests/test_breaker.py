"""The circuit breaker on a real Redis, shared between processes."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autonomy.providers.breaker import breaker
from autonomy.providers.breaker.shared import PREFIX
from autonomy.tests.breakers import clock, fail, key, server, sharing, state
from autonomy.tests.own_redis import Server

__all__ = ["clock", "key", "server"]

ROOT = Path(__file__).resolve().parents[2]
# Does what it is told, a line at a time: [seconds its clock is ahead, method, arguments, in how many threads at once].
WORKER = """
import json, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
from autonomy.providers.breaker import Breaker

ahead = 0.0
breaker = Breaker(json.loads(sys.argv[1]), patience=30, clock=lambda: time.time() + ahead)
print("ready", flush=True)
for line in sys.stdin:
    ahead, method, arguments, threads = json.loads(line)
    together = threading.Barrier(threads)

    def one(number):
        together.wait()
        if method == "ask":
            verdict = breaker.ask(*arguments, probe_seconds=65)
            return verdict.may_go, verdict.is_probe
        return getattr(breaker, method)(*arguments)

    with ThreadPoolExecutor(threads) as pool:
        print(json.dumps([*pool.map(one, range(threads)), breaker.shared]), flush=True)
"""


class Worker:
    """A process with a breaker of its own."""

    def __init__(self, server: Server) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", WORKER, json.dumps(server.address)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ready(self) -> Worker:
        assert self._process.stdout
        assert self._process.stdout.readline() == "ready\n"
        return self

    def tell(self, method: str, *arguments: Any, threads: int = 1, ahead: float = 0) -> None:
        assert self._process.stdin
        print(json.dumps([ahead, method, arguments, threads]), file=self._process.stdin, flush=True)

    def hear(self) -> list[Any]:
        """What each thread got; that Redis was there for all of it is checked."""
        assert self._process.stdout
        *got, shared = json.loads(self._process.stdout.readline())
        assert shared
        return got

    def do(self, method: str, *arguments: Any, **how: Any) -> list[Any]:
        self.tell(method, *arguments, **how)
        return self.hear()

    def leave(self) -> None:
        self._process.communicate()


@pytest.fixture
def workers(server: Server) -> Iterator[list[Worker]]:
    processes = [Worker(server) for _ in range(5)]
    try:
        yield [process.ready() for process in processes]
    finally:
        for process in processes:
            process.leave()


def test_failures_of_one_process_close_the_road_for_the_others_and_its_good_probe_opens_it(workers):
    for worker in workers:
        worker.do("bad", "llm:down")
    assert [worker.do("ask", "llm:down") for worker in workers] == [[[False, False]]] * 5
    assert workers[0].do("ask", "llm:other") == [[True, False]]
    assert workers[1].do("ask", "llm:down", ahead=16) == [[True, True]]
    workers[1].do("good", "llm:down", ahead=17)
    assert [worker.do("ask", "llm:down") for worker in workers] == [[[True, False]]] * 5


def test_of_fifty_that_ask_at_once_in_five_processes_one_is_the_probe(workers):
    for number in range(20):
        key = f"llm:{number}"
        workers[0].do("cool", key, 600, "quota is used up")
        for worker in workers:
            worker.tell("ask", key, threads=10, ahead=601)
        verdicts = [verdict for worker in workers for verdict in worker.hear()]
        assert sorted(verdicts) == [[False, False]] * 49 + [[True, True]]


def test_no_answer_is_lost_when_five_processes_count_at_once(workers, server):
    for worker in workers:
        worker.tell("good", "llm:busy", threads=20)
    for worker in workers:
        worker.hear()
    counted = json.loads(server.client().get(PREFIX + "llm:busy"))
    assert counted["good_answers"] + counted["good_before"] == 100


def test_a_failed_probe_doubles_the_wait_for_everybody(server, clock, key):
    one, other = sharing(server, clock=clock), sharing(server, clock=clock)
    fail(one, key)
    clock.ahead = 16
    assert one.ask(key, probe_seconds=65).is_probe
    refused = other.ask(key, probe_seconds=65)
    assert (refused.may_go, refused.until - clock() > 60) == (False, True)
    one.bad(key)
    clock.ahead = 16 + 29
    assert other.ask(key, probe_seconds=65).reason == "the call that tried it failed"
    clock.ahead = 16 + 31
    assert other.ask(key, probe_seconds=65).is_probe


def test_a_probe_that_is_not_sent_leaves_its_place_to_the_next(server, clock, key):
    one, other = sharing(server, clock=clock), sharing(server, clock=clock)
    fail(one, key)
    clock.ahead = 16
    assert one.ask(key, probe_seconds=65).is_probe
    one.unused(key)
    assert other.ask(key, probe_seconds=65).is_probe


def test_a_used_up_quota_is_not_asked_again_by_anybody(server, clock, key):
    sharing(server, clock=clock).cool(key, 3600, "quota is used up")
    clock.ahead = 3500
    verdict = sharing(server, clock=clock).ask(key, probe_seconds=65)
    assert (verdict.may_go, verdict.reason) == (False, "quota is used up")


def test_what_is_forgotten_by_hand_is_open_to_all(server, key):
    one, other = sharing(server), sharing(server)
    one.cool(key, 3600, "quota is used up")
    assert not other.ask(key, probe_seconds=65).may_go
    one.forget(key)
    assert other.ask(key, probe_seconds=65) == one.ask(key, probe_seconds=65)
    assert state(other, key) == "closed"


def test_the_state_is_told_without_asking(server, clock, key):
    one = sharing(server, clock=clock)
    fail(one, key)
    told = one.state([key, "llm:fine"])
    assert told["llm:fine"] == {"state": "closed", "until": None, "reason": ""}
    assert told[key]["state"] == "open"
    assert 0 < told[key]["until"] - clock() <= 15
    assert told[key]["reason"] == "5 of the last 5 answers failed"
    clock.ahead = 16
    assert one.state([key])[key] == {"state": "half_open", "until": None, "reason": "5 of the last 5 answers failed"}
    assert one.ask(key, probe_seconds=65).is_probe
    assert one.state([key])[key]["until"] > clock() + 60
    assert one.state([]) == {}


def test_nothing_stays_in_redis_for_ever(server, key):
    one = sharing(server)
    one.good(key)
    assert 60 < server.client().ttl(PREFIX + key) <= 660
    one.cool(key, 3600, "quota is used up")
    assert 3600 < server.client().ttl(PREFIX + key) <= 4200


def test_asking_a_closed_circuit_writes_nothing(server, key):
    sharing(server).ask(key, probe_seconds=65)
    assert server.client().keys("autonomy:*") == []


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_has_a_connection_and_locks_of_its_own(settings, server, key):
    settings.REDIS_OPTIONS = server.options
    breaker.cache_clear()
    try:
        ours = breaker()
        ours.good(key)
        assert breaker() is ours
        connection = ours._client.client_id()

        def in_child():
            fail(breaker(), key)
            fail(ours, key + "2")  # taken along by somebody who kept it
            send.send((breaker() is ours, breaker().shared, ours.shared, ours._client.client_id()))

        fork = multiprocessing.get_context("fork")
        receive, send = fork.Pipe(duplex=False)
        with ours._lock:  # as if another thread were in the middle of something
            child = fork.Process(target=lambda: fail(breaker(), key), daemon=True)
            child.start()
            child.join(60)
        assert child.exitcode == 0
        child = fork.Process(target=in_child, daemon=True)
        child.start()
        assert receive.poll(60)
        same, fresh_is_shared, kept_is_shared, theirs = receive.recv()
        child.join(60)
        assert (same, fresh_is_shared, kept_is_shared, theirs == connection) == (False, True, True, False)
        assert (ours.shared, ours._client.client_id()) == (True, connection)
        assert (state(ours, key), state(ours, key + "2")) == ("open", "open")
    finally:
        breaker.cache_clear()

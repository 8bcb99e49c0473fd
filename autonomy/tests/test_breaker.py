"""The circuit breaker on a real Redis: shared between processes, and what is left of it when Redis goes away."""

from __future__ import annotations

import json
import multiprocessing
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from autonomy.providers import off
from autonomy.providers.breaker import Breaker, breaker
from autonomy.providers.breaker.shared import PREFIX
from autonomy.selectors.providers import provider_states
from autonomy.tests.own_redis import Server, lose, regain

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
def server(tmp_path: Path) -> Iterator[Server]:
    own = Server(tmp_path)
    yield own
    own.end()


@pytest.fixture
def workers(server: Server) -> Iterator[list[Worker]]:
    processes = [Worker(server) for _ in range(5)]
    try:
        yield [process.ready() for process in processes]
    finally:
        for process in processes:
            process.leave()


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


# --- shared ---


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


# --- without Redis ---


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


# --- processes ---


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


# --- what is told of the providers ---


@pytest.fixture
def _nothing_off() -> Iterator[None]:
    off.clear()
    yield
    off.clear()


@pytest.mark.usefixtures("_nothing_off")
def test_a_provider_that_refused_its_key_is_asked_again_after_a_while(monkeypatch):
    now = 1000.0
    monkeypatch.setattr(off, "monotonic", lambda: now)
    off.switch_off("llm:openai", "HTTP 401: the key was refused")
    now += 899
    assert (off.is_off("llm:openai"), off.is_off("llm:other")) == ("HTTP 401: the key was refused", "")
    now += 1
    assert off.is_off("llm:openai") == ""
    off.switch_off("llm:openai", "HTTP 403: the key was refused")
    assert off.is_off("llm:openai") == "HTTP 403: the key was refused"


@pytest.mark.usefixtures("_nothing_off")
def test_the_states_of_the_configured_models_are_told(settings, server):
    settings.REDIS_OPTIONS = server.options
    settings.ENV = settings.ENV.model_copy(update={"autonomy_search": ["crossref"]})
    breaker.cache_clear()
    searched = {"name": "crossref", "kind": "search", "model": "", "state": "closed", "until": None, "reason": ""}
    try:
        fine = {"name": "offline", "kind": "llm", "model": "extractive-1"}
        assert provider_states() == [{**fine, "state": "closed", "until": None, "reason": ""}, searched]
        breaker().cool("llm:offline", 60, "it asks to wait")
        cooled = provider_states()[:1]
        assert [(one["state"], one["reason"], one["until"] > time.time()) for one in cooled] == [
            ("open", "it asks to wait", True)
        ]
        assert json.loads(json.dumps(cooled)) == cooled
        off.switch_off("llm:offline", "HTTP 401: the key was refused")
        refused = {"state": "off", "until": None, "reason": "HTTP 401: the key was refused"}
        assert provider_states() == [{**fine, **refused}, searched]
    finally:
        breaker.cache_clear()


def wait_until(true: Any) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def patience_for(way: str) -> dict[str, float]:
    return {"patience": 1} if way == "frozen" else {}

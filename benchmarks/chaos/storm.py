"""The storm: runs are started, blows fall and reports come, all at once and for real, until everything has settled."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, connections, transaction
from django.db.utils import Error as DatabaseError

from autonomy.episodes.record import lock
from autonomy.models import Job
from autonomy.services.start_run import start_run
from benchmarks.chaos import outages
from benchmarks.chaos.assignments import Assignment, assignment
from benchmarks.chaos.blows import Blow, blows
from benchmarks.chaos.fleet import Fleet, Victim, thaw
from benchmarks.chaos.patience import patiently
from benchmarks.chaos.people import People
from benchmarks.chaos.post import Post

OWNERS = 5
STARTERS = 3
OVERSLEEP = (2.5, 6.0)  # seconds beyond its lease, in which recovery finds it
LONGEST_HUNT = 30.0
STILL_FOR = 120.0  # without any progress for so long it will not settle
TELL_EVERY = 5.0


@dataclass(frozen=True)
class Size:
    runs: int
    kills: int
    freezes: int
    stops: int
    redis: int
    postgres: int
    seed: int
    seconds: float


@dataclass
class Toll:
    """What the storm did. `struck`: when a kill took a worker from a run; `away`: from when to when a server was."""

    kills: Counter[str] = field(default_factory=Counter)
    outages: Counter[str] = field(default_factory=Counter)
    frozen: Counter[str] = field(default_factory=Counter)
    stops: int = 0
    thawed: int = 0
    starts_again: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    away: list[tuple[datetime, datetime]] = field(default_factory=list)
    struck: list[tuple[datetime, UUID]] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)


class Storm:
    def __init__(self, size: Size, fleet: Fleet, logs: Path) -> None:
        self._size = size
        self._fleet = fleet
        self.toll = Toll()
        self.post = Post(size.seed, lambda number: assignment(size.seed, number, OWNERS).silent, logs)
        self.people = People(size.seed, User.objects.get_or_create(username="operator")[0])
        self._chance = random.Random(f"{size.seed}:storm")
        self._began = 0.0
        self._started = 0
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._asleep: set[int] = set()  # they shall wake up, and then find that they are too late
        self._threads: list[threading.Thread] = []
        self._busy_threads: set[threading.Thread] = set()

    def rage(self, tell: Callable[[str], None]) -> bool:
        """Returns when all has settled, True, or when nothing moves any more, False."""
        owners = [User.objects.get_or_create(username=f"owner-{n}")[0] for n in range(OWNERS)]
        self._fleet.start()
        self._fleet.wait_until_ready()
        self._began = time.monotonic()
        self._do(partial(self._always, self._fleet.supervise, 0.2), lasting=True)
        self._do(partial(self._always, self.post.look, 0.2), lasting=True)
        self._do(partial(self._always, self.people.look, 0.5), lasting=True)
        for number in range(STARTERS):
            self._do(partial(self._start_runs, owners, number))
        self._do(self._strike)
        try:
            return self._watch(tell)
        finally:
            self._over.set()
            for thread in self._threads:
                thread.join(60)
            self.post.close()
            self.toll.strange += [*self.post.strange, *self._fleet.stuck]
            self.toll.ended = self._fleet.ended_by_themselves

    # --- the threads ---

    def _do(self, work: Callable[[], object], *, lasting: bool = False) -> None:
        """In a thread of its own. An error in it is a finding, not the storm's end."""

        def told() -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001 - becomes a finding
                self.toll.strange.append(f"The storm itself met {type(error).__name__}: {error}")
            finally:
                with self._lock:
                    self._busy_threads.discard(thread)

        thread = threading.Thread(target=told, daemon=True)
        self._threads.append(thread)
        if not lasting:
            with self._lock:
                self._busy_threads.add(thread)
        thread.start()

    def _always(self, work: Callable[[], None], pause: float) -> None:
        while not self._over.wait(pause):
            work()

    def _until(self, at: float) -> None:
        self._over.wait(max(0.0, self._began + at - time.monotonic()))

    # --- runs ---

    def _start_runs(self, owners: list[User], first: int) -> None:
        pace = self._size.seconds / self._size.runs
        for number in range(first, self._size.runs, STARTERS):
            self._until(number * pace)
            one = assignment(self._size.seed, number, OWNERS)
            if one.twice:
                self._do(partial(self._start_run, owners, one))
            run_id = self._start_run(owners, one)
            if one.cancelled_after is not None:
                self.people.cancel_later(run_id, one.cancelled_after)
            with self._lock:
                self._started += 1

    def _start_run(self, owners: list[User], one: Assignment) -> UUID:
        """Its key makes it the same run, however often it is asked for."""
        run, _ = patiently(
            lambda: start_run(
                owner=owners[one.owner],
                journey=one.journey,
                task_spec=one.task_spec,
                sources=one.sources,
                priority=one.priority,
                idempotency_key=f"storm-{one.number}",
            ),
            self._again,
        )
        return run.pk

    def _again(self) -> None:
        with self._lock:
            self.toll.starts_again += 1

    # --- blows ---

    def _strike(self) -> None:
        size = self._size
        count = {name: getattr(size, name) for name in ("kills", "freezes", "stops", "redis", "postgres")}
        for blow in blows(size.seed, size.seconds, **count):
            self._until(blow.at)
            if blow.what == "kill":
                self._kill(blow)
            elif blow.what == "freeze":
                self._do(partial(self._freeze, blow))
            elif blow.what == "stop":
                self.toll.stops += self._fleet.stop(self._chance)
            else:
                self._do(partial(self._outage, blow))

    def _kill(self, blow: Blow) -> None:
        while not self._over.is_set():
            busy = {pid: run_id for pid, run_id in patiently(_busy).items() if pid not in self._asleep}
            if victim := self._fleet.kill(blow.way, self._chance, busy, self._asleep):
                self._count(victim, busy)
                return
            time.sleep(0.2)  # all of them are just being started again

    def _count(self, victim: Victim, busy: dict[int, UUID]) -> None:
        self.toll.kills[victim.kind] += 1
        now = datetime.now(UTC)
        self.toll.struck += [(now, run_id) for pid, run_id in busy.items() if pid in victim.pids]

    def _freeze(self, blow: Blow) -> None:
        deadline = time.monotonic() + LONGEST_HUNT
        while not (child := self._fleet.freeze(self._chance, busy := self._to_freeze(blow))):
            if self._over.wait(0.02) or time.monotonic() > deadline:
                return  # nobody works any more
        self.toll.frozen[blow.way] += 1
        self._asleep.add(child.pid)
        seconds = settings.ENV.autonomy_lease_seconds + self._chance.uniform(*OVERSLEEP)
        if blow.way == "in a transaction":
            _hold(busy[child.pid], seconds)
        elif blow.way == "before its commit":
            # It wakes up while another one is at the same superstep.
            _await_another(busy[child.pid], child.pid, seconds)
        else:
            time.sleep(seconds)
        self.toll.thawed += thaw(child)
        self._asleep.discard(child.pid)

    def _to_freeze(self, blow: Blow) -> dict[int, UUID]:
        busy = patiently(_busy)
        if blow.way == "before its commit":
            ready = self._fleet.before_their_commit()
            busy = {pid: run_id for pid, run_id in busy.items() if pid in ready}
        return busy

    def _outage(self, blow: Blow) -> None:
        strike = outages.restart_redis if blow.what == "redis" else outages.restart_postgres
        if blow.what == "postgres":
            self.post.repeat(1.0)
            time.sleep(0.5)  # until these are on their way
        began = datetime.now(UTC)
        strike(settings.EMBEDDED, blow.way, self._chance)
        self.toll.away.append((began, datetime.now(UTC)))
        self.toll.outages[f"{blow.what} {blow.way}"] += 1

    # --- the watch ---

    def _watch(self, tell: Callable[[str], None]) -> bool:
        moved, before, told = time.monotonic(), None, 0.0
        while True:
            now = time.monotonic()
            seen = patiently(_look)
            if now - told >= TELL_EVERY:
                told = now
                tell(self._line(seen))
            if self._is_settled(seen):
                tell(self._line(seen))
                if seen["runs"] != self._size.runs:
                    self.toll.strange.append(f"{self._size.runs} runs were asked for, and {seen['runs']} started.")
                return True
            if seen != before:
                moved, before = now, seen
            elif now - moved > STILL_FOR:
                return False
            time.sleep(0.5)

    def _is_settled(self, seen: dict[str, int]) -> bool:
        with self._lock:
            if self._busy_threads or self._started < self._size.runs:
                return False
        return not (seen["live jobs"] or seen["unsettled"] or self.post.busy() or self.people.busy())

    def _line(self, seen: dict[str, int]) -> str:
        minutes, seconds = divmod(round(time.monotonic() - self._began), 60)
        hits = ", ".join(f"{name} {count}" for name, count in sorted(self.toll.outages.items())) or "no outage yet"
        return (
            f"{minutes}:{seconds:02}  {self._started} runs started, {seen['ended']} ended, {seen['waiting']} waiting; "
            f"{self.toll.kills.total()} kills; {hits}"
        )


def _busy() -> dict[int, UUID]:
    """Which process executes which run."""
    rows = Job.objects.filter(state=Job.State.RUNNING).values_list("worker", "run_id")
    return {int(worker.rpartition(":")[2]): run_id for worker, run_id in rows}


def _await_another(run_id: UUID, pid: int, longest: float) -> None:
    deadline = time.monotonic() + longest
    while time.monotonic() < deadline:
        if any(other == run_id and number != pid for number, other in patiently(_busy).items()):
            return
        time.sleep(0.05)


def _hold(run_id: UUID, seconds: float) -> None:
    """What a worker does that is frozen in the middle of a transaction: it holds its run's row, and nothing else."""
    until = time.monotonic() + seconds
    with contextlib.suppress(DatabaseError), transaction.atomic():
        lock(run_id)
        time.sleep(seconds)
    connections.close_all()
    time.sleep(max(0.0, until - time.monotonic()))


def _look() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute("""
            SELECT count(*) FILTER (WHERE ended_at IS NOT NULL), count(*) FILTER (WHERE status = 'waiting_human'),
                   count(*) FILTER (WHERE ended_at IS NULL AND status <> 'waiting_human'),
                   coalesce(sum(supersteps), 0), coalesce(sum(last_seq), 0),
                   (SELECT count(*) FROM autonomy_job_queue WHERE state IN ('queued', 'running')), count(*)
            FROM autonomy_runs
        """)
        row = cursor.fetchone()
    names = ("ended", "waiting", "unsettled", "supersteps", "episodes", "live jobs", "runs")
    return dict(zip(names, map(int, row), strict=True))

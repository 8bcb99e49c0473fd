"""The fleet: real Celery workers and beats as processes, started again when they end, killed and frozen at will."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from autonomy.management.processes import Processes

RESTART_AFTER = 0.5
LONGEST_STOP = 60.0
STOPPED = (0, -signal.SIGTERM)  # the latter if it was asked before it had begun


@dataclass(frozen=True)
class Victim:
    """What was killed or frozen: its kind, and the processes that went with it."""

    kind: str
    pids: frozenset[int]


class Fleet:
    def __init__(
        self, processes: Processes, environment: dict[str, str], logs: Path, workers: int, beats: int, children: int
    ) -> None:
        self._processes = processes
        self._environment = environment | {"CHAOS_SEAMS": str(logs / "seams")}
        self._logs = logs
        self._count = children
        celery = [sys.executable, "-m", "celery", "--quiet", "-A", "benchmarks.chaos.seams"]
        self._seams = logs / "seams"
        self._seams.mkdir()
        bare = ["--without-gossip", "--without-mingle", "-c", str(children)]
        self._commands = {
            **{f"worker-{n}": [*celery, "worker", *bare, "-n", f"chaos-{n}@%h"] for n in range(1, workers + 1)},
            **{f"beat-{n}": [*celery, "beat"] for n in range(1, beats + 1)},
        }
        # A kill picks a process and takes it; the supervisor must not put another in its place meanwhile.
        self._lock = threading.RLock()
        # Celery's worker ends when one of its children dies while it starts.
        self.ended_by_themselves: Counter[str] = Counter()
        self.stuck: list[str] = []
        self._killed: set[str] = set()
        self._stopping: dict[str, float] = {}

    def start(self) -> None:
        for name in self._commands:
            self._start(name)

    def wait_until_ready(self) -> None:
        """Until every worker has its processes; a storm over nobody proves nothing."""
        deadline = time.monotonic() + LONGEST_STOP
        workers = [name for name in self._commands if name.startswith("worker")]
        while any(len(self._children(name)) < self._count for name in workers):
            if time.monotonic() > deadline:
                raise RuntimeError(f"The workers did not start in {LONGEST_STOP:.0f} s; see their logs.")
            time.sleep(0.1)

    def supervise(self) -> None:
        """Start again what has ended. One round; called all the time."""
        with self._lock:
            ended = [name for name in self._commands if self._processes.exit_code(name) is not None]
            for name, asked in list(self._stopping.items()):
                if name not in ended and time.monotonic() - asked > LONGEST_STOP:
                    self.stuck.append(f"{name} was asked to stop and still runs after {LONGEST_STOP:.0f} s.")
                    self._kill(name)
        if ended:
            time.sleep(RESTART_AFTER)
        for name in ended:
            with self._lock:
                code = self._processes.exit_code(name)
                if name not in self._killed and (name not in self._stopping or code not in STOPPED):
                    self.ended_by_themselves[f"{name} with code {code}"] += 1
                self._killed.discard(name)
                self._stopping.pop(name, None)
                self._start(name)

    def kill(self, kind: str, chance: random.Random, busy: Collection[int], spared: Collection[int]) -> Victim | None:
        """SIGKILL for a pool child, a whole worker or a beat, one that executes a job if there is such; None if none.

        `busy`: the numbers of processes that hold a lease; `spared`: of those to leave alone, if it can be.
        """
        with self._lock:
            if kind == "pool child":
                child = self._child(chance, busy, spared)
                if child is None:
                    return None
                child.kill()
                return Victim(kind, frozenset({child.pid}))
            names = [
                name for name in self._running() if name.startswith("worker" if kind == "whole worker" else "beat")
            ]
            if not names:
                return None
            crews = {name: {one.pid for one in self._children(name)} for name in names}
            names = [name for name in names if not crews[name] & set(spared)] or names
            name = chance.choice([name for name in names if crews[name] & set(busy)] or names)
            pid = self._processes.pid(name)
            went = {pid, *crews[name]}
            self._kill(name)
            return Victim(kind, frozenset(went))

    def stop(self, chance: random.Random) -> bool:
        """SIGTERM for a whole worker: it finishes or gives back what it has. False if none runs."""
        with self._lock:
            names = [name for name in self._running() if name.startswith("worker") and name not in self._stopping]
            if not names:
                return False
            name = chance.choice(names)
            self._stopping[name] = time.monotonic()
            os.kill(self._processes.pid(name), signal.SIGTERM)
            return True

    def before_their_commit(self) -> set[int]:
        """The processes that have finished a superstep and are about to write it."""
        return {int(mark.name) for mark in self._seams.iterdir()}

    def freeze(self, chance: random.Random, busy: Collection[int]) -> psutil.Process | None:
        """SIGSTOP for a pool child that executes a job; None if none does. To be thawed later."""
        with self._lock:
            child = self._child(chance, busy, (), only_busy=True)
            if child is not None:
                child.suspend()
            return child

    def _child(
        self, chance: random.Random, busy: Collection[int], spared: Collection[int], *, only_busy: bool = False
    ) -> psutil.Process | None:
        children = [child for name in self._running() for child in self._children(name) if child.pid not in spared]
        working = [child for child in children if child.pid in busy]
        # Mostly those that work: a killed idler proves little.
        choice = working if working and (only_busy or chance.random() < 0.85) else [] if only_busy else children
        return chance.choice(choice) if choice else None

    def _kill(self, name: str) -> None:
        self._killed.add(name)
        self._stopping.pop(name, None)
        os.killpg(self._processes.pid(name), signal.SIGKILL)

    def _running(self) -> list[str]:
        return [name for name in self._commands if self._processes.exit_code(name) is None]

    def _children(self, name: str) -> list[psutil.Process]:
        if not name.startswith("worker"):
            return []
        with contextlib.suppress(psutil.NoSuchProcess):
            found: list[psutil.Process] = psutil.Process(self._processes.pid(name)).children()
            return sorted((one for one in found if one.is_running()), key=lambda one: one.pid)
        return []

    def _start(self, name: str) -> None:
        self._processes.start(name, self._commands[name], self._environment, output=self._logs / f"{name}.log")


def thaw(child: psutil.Process) -> bool:
    """False if it was killed in its sleep."""
    with contextlib.suppress(psutil.NoSuchProcess):
        child.resume()  # psutil makes sure that the number is still the same process
        return True
    return False

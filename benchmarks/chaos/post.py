"""The post: sees which runs wait, decides what is delivered for each, and hands it to the couriers."""

from __future__ import annotations

import dataclasses
import heapq
import json
import os
import random
import re
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path
from typing import IO

from django.conf import settings

from autonomy.models import Run
from benchmarks.chaos.courier import Order, Receipt
from benchmarks.chaos.patience import patiently
from turnitin.models import Cycle

COURIERS = 2
LOOK_EVERY = 0.2
REMEMBERED = 60
SOON = 0.25  # until the couriers have all copies, so that these are delivered at one instant


class Post:
    """`is_silent` tells of an assignment's number whether its reports never come."""

    def __init__(self, seed: int, is_silent: Callable[[int], bool], logs: Path) -> None:
        self._seed = seed
        self._is_silent = is_silent
        self._sent: set[str] = set()
        self._silent: set[str] = set()
        self._later: list[tuple[float, int, Order]] = []
        self._latest: deque[Order] = deque(maxlen=REMEMBERED)
        self._lock = threading.Lock()
        self.counts: Counter[str] = Counter()
        self.strange: list[str] = []
        self._couriers = [self._hire(logs / f"courier-{number}.log") for number in range(COURIERS)]
        self._readers = [threading.Thread(target=self._read, args=(one,), daemon=True) for one in self._couriers]
        for reader in self._readers:
            reader.start()

    def look(self) -> None:
        """Order deliveries for what waits now, and hand out those that are due."""
        for cycle_id, run_id, number, title in patiently(_awaiting):
            if cycle_id not in self._sent:
                self._sent.add(cycle_id)
                assignment = _number_in(title)
                if self._is_silent(assignment):
                    self._silent.add(cycle_id)
                else:
                    self._order(cycle_id, run_id, f"{self._seed}:report:{assignment}:{number}")
        while due := self._next():
            number, order = due
            courier = self._couriers[number % COURIERS]
            assert courier.stdin
            courier.stdin.write(order.line())
            courier.stdin.flush()

    def repeat(self, seconds: float) -> None:
        """Order the latest deliveries again, spread over so many seconds, as one does who got no answer."""
        at = time.time() + SOON
        with self._lock:
            pause = seconds / REMEMBERED
            again = [dataclasses.replace(one, at=at + n * pause) for n, one in enumerate(self._latest)]
        self._plan(again)

    def busy(self) -> bool:
        """Whether somebody waits who shall get a report, or a delivery is not yet answered."""
        if any(cycle_id not in self._silent for cycle_id, *_ in patiently(_awaiting)):
            return True
        with self._lock:
            return self.counts["ordered"] > self.counts["answered"]

    def close(self) -> None:
        for courier in self._couriers:
            assert courier.stdin
            courier.stdin.close()
        for courier, reader in zip(self._couriers, self._readers, strict=True):
            try:
                courier.wait(30)
            except subprocess.TimeoutExpired:
                courier.kill()
            reader.join(5)

    def _order(self, cycle_id: str, run_id: str, key: str) -> None:
        """Several identical copies at one instant; now and then another figure, none at all, or one much too late."""
        chance = random.Random(key)
        url = f"https://reports.example.org/{cycle_id}"
        accepted, rejected = round(chance.uniform(0, 0.15), 3), round(chance.uniform(0.16, 0.7), 3)
        figure, other = (accepted, rejected) if chance.random() < 0.7 else (rejected, accepted)
        at = time.time() + 2 * SOON
        orders = [(figure, at)] * chance.randrange(3, 9)
        if chance.random() < 0.15:
            orders.append((other, at + chance.uniform(0, 0.3)))
        if chance.random() < 0.25:
            orders.append((figure, at + chance.uniform(1, 8)))
        if chance.random() < 0.15:
            orders.append((other, at + chance.uniform(2, 10)))
        planned = [Order(run_id, cycle_id, url, similarity, when) for similarity, when in orders]
        if chance.random() < 0.08:
            planned.append(Order(run_id, cycle_id, f"{url}/unfinished", None, at - SOON / 2))
        self._plan(planned)

    def _plan(self, orders: list[Order]) -> None:
        with self._lock:
            for order in orders:
                heapq.heappush(self._later, (order.at, self.counts["ordered"], order))
                self.counts["ordered"] += 1
                self._latest.append(order)

    def _next(self) -> tuple[int, Order] | None:
        with self._lock:
            if self._later and self._later[0][0] <= time.time() + SOON:
                return heapq.heappop(self._later)[1:]
        return None

    def _hire(self, log: Path) -> subprocess.Popen[str]:
        with log.open("ab") as told:
            return subprocess.Popen(
                [sys.executable, "-m", "benchmarks.chaos.courier"],
                cwd=settings.BASE_DIR,
                env=os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=told,
                text=True,
                start_new_session=True,
            )

    def _read(self, courier: subprocess.Popen[str]) -> None:
        source: IO[str] | None = courier.stdout
        assert source
        for line in source:
            receipt = Receipt(**json.loads(line))
            with self._lock:
                self.counts["answered"] += 1
                self.counts["delivered again"] += receipt.retries > 0
                if receipt.answer in ("taken", "conflict"):
                    self.counts[receipt.answer] += 1
                else:
                    self.strange.append(f"A delivery for cycle {receipt.cycle_id} was answered with {receipt.answer}")


def _awaiting() -> list[tuple[str, str, int, str]]:
    waiting = Cycle.objects.filter(state=Cycle.State.AWAITING_REPORT, run__status=Run.Status.WAITING_HUMAN)
    return [(str(a), str(b), c, d) for a, b, c, d in waiting.values_list("id", "run_id", "number", "run__title")]


def _number_in(title: str) -> int:
    found = re.search(r"town (\d+)", title)
    assert found, title
    return int(found[1])

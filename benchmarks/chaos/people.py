"""People: they cancel runs at any moment, raise budgets that are used up, retry what failed; often two at once."""

from __future__ import annotations

import heapq
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from uuid import UUID

from django.contrib.auth.models import User

from autonomy.errors import Conflict, InvalidInput
from autonomy.models import Run
from autonomy.services.cancel_run import cancel_run
from autonomy.services.raise_budget import raise_budget
from autonomy.services.retry_run import retry_run
from benchmarks.chaos.patience import patiently

AT_ONCE = 2
RAISED_TO = 400_000


class People:
    def __init__(self, seed: int, actor: User) -> None:
        self._actor = actor
        self._chance = random.Random(f"{seed}:people")
        self._cancels: list[tuple[float, UUID]] = []
        self._seen: set[tuple[UUID, datetime]] = set()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self.counts: Counter[str] = Counter()

    def cancel_later(self, run_id: UUID, seconds: float) -> None:
        with self._lock:
            heapq.heappush(self._cancels, (time.monotonic() + seconds, run_id))

    def look(self) -> None:
        """Do what is due now."""
        with self._lock:
            due = [heapq.heappop(self._cancels)[1] for _ in range(self._count_due())]
        for run_id in due:
            self._together("cancel", partial(cancel_run, run_id=run_id, actor=self._actor))
        for run_id, status, ended_at in patiently(self._unseen):
            self._seen.add((run_id, ended_at))
            if status == Run.Status.FAILED:
                self._together("retry", partial(retry_run, run_id=run_id, actor=self._actor))
            elif self._chance.random() < 0.6:
                raising = partial(raise_budget, run_id=run_id, actor=self._actor, tokens=RAISED_TO)
                self._together("raise", raising)

    def busy(self) -> bool:
        with self._lock:
            return bool(self._cancels) or bool(patiently(self._unseen))

    def _count_due(self) -> int:
        now = time.monotonic()
        return sum(at <= now for at, _ in self._cancels)

    def _unseen(self) -> list[tuple[UUID, str, datetime]]:
        """Runs that failed or used up their budget, and were not looked at since. One that fails again is retried."""
        ended = Run.objects.filter(outcome__in=[Run.Outcome.FAILED, Run.Outcome.BUDGET_EXCEEDED])
        found = ended.values_list("pk", "status", "ended_at")
        return [(pk, status, at) for pk, status, at in found if at and (pk, at) not in self._seen]

    def _together(self, verb: str, act: Callable[[], object]) -> None:
        """Both of them at once: each is answered, or refused because the other one was quicker or the run has ended."""
        for answer in [self._pool.submit(self._answer, verb, act) for _ in range(AT_ONCE)]:
            answer.result()

    def _answer(self, verb: str, act: Callable[[], object]) -> None:
        try:
            patiently(act)
            outcome = "done"
        except (Conflict, InvalidInput):
            outcome = "refused"
        with self._lock:
            self.counts[f"{verb} {outcome}"] += 1

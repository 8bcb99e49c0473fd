"""What every subject is asked and what it answers: arguments in, one line of JSON out. Standard library only."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

# Without progress for this long something is broken.
PATIENCE = 120.0


def asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=100, help="runs that are timed together")
    parser.add_argument("--warmup", type=int, default=20, help="runs before them, not timed")
    parser.add_argument("--sequential", type=int, default=20, help="runs after them, one at a time")
    parser.add_argument("--processes", type=int, default=2, help="processes that execute")
    parser.add_argument("--node-seconds", type=float, default=0.0, help="how long each step waits")
    parser.add_argument("--database", default="", help="URL of a fresh database")
    parser.add_argument("--spare", default="", help="URL of another one")
    parser.add_argument("--redis", default="", help="URL of a Redis database")
    parser.add_argument("--broker", default="", help="the same in Celery's spelling")
    parser.add_argument("--data-dir", default="", help="a folder for what is written beside")
    return parser.parse_args()


def answer(**figures: Any) -> None:
    print(json.dumps(figures), flush=True)


def wait_for(count: int, counted: Callable[[], int], every: float = 0.005) -> None:
    """Until `counted()` has reached `count`. Raises TimeoutError when it stands still."""
    best, since = -1, time.monotonic()
    while (now := counted()) < count:
        if now > best:
            best, since = now, time.monotonic()
        elif time.monotonic() - since > PATIENCE:
            raise TimeoutError(f"{now} of {count} runs ended, and no more for {PATIENCE:.0f} seconds")
        time.sleep(every)


def milliseconds(runs: int, one: Callable[[], Any]) -> list[float]:
    """How long each of some runs takes, one at a time."""
    taken = []
    for _ in range(runs):
        began = time.perf_counter()
        one()
        taken.append((time.perf_counter() - began) * 1000)
    return taken

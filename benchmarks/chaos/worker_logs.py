"""What the workers' logs tell and the database does not: an attempt whose lease was lost leaves nothing in it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

OURS = ("autonomy", "turnitin")
RAISED = "Task handler raised error: "
LATE = {"lease_lost", "lease_lost_at_commit", "lease_lost_at_failure", "lease_lost_at_cancel"}
# A database that was away, a provider that failed, a lease that was lost, a process that was killed.
EXPECTED = {
    *("OperationalError", "InterfaceError", "PoolTimeout", "ProviderUnavailable", "UnusableAnswer", "LeaseLost"),
    *("WorkerLostError", "TimeLimitExceeded"),
}


def late_workers(folder: Path) -> int:
    """How many came back with a lease that was not theirs any more, and were turned away."""
    return sum(line.get("event") in LATE for line in _lines(folder))


def unexpected_errors(folder: Path) -> list[str]:
    """Errors of our own code that no outage and no kill explains."""
    found: Counter[tuple[str, str]] = Counter()
    for line in _lines(folder):
        event, error = str(line.get("event", "")), str(line.get("error", ""))
        if event.startswith(RAISED):  # out of a task: Celery tells it
            event, error = RAISED, event.removeprefix(RAISED).split("(", 1)[0]
        elif not str(line.get("logger", "")).startswith(OURS):
            continue
        if line.get("level") in ("error", "critical") and error not in EXPECTED:
            found[event, error] += 1
    return [f"The workers' logs tell {count} times: {event} {error}" for (event, error), count in found.items()]


def _lines(folder: Path) -> Iterator[dict[str, Any]]:
    for log in sorted(folder.glob("worker-*.log")):
        with log.open(errors="replace") as lines:
            for line in lines:
                if line.startswith("{"):
                    try:
                        yield json.loads(line)
                    except ValueError:
                        continue  # cut off by a kill

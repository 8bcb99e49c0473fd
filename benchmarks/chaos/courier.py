"""`python -m benchmarks.chaos.courier`: delivers originality reports, many at the same instant.

Each line of standard input is an order, each line of standard output what came of it. Several couriers at once are
several web servers. One that meets an absent database delivers again, as whoever calls a webhook would.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from uuid import UUID

AT_ONCE = 12


@dataclass(frozen=True)
class Order:
    """One delivery; `at`: when, in seconds of the clock on the wall."""

    run_id: str
    cycle_id: str
    report_url: str
    similarity: float | None
    at: float

    def line(self) -> str:
        return json.dumps(asdict(self)) + "\n"


@dataclass(frozen=True)
class Receipt:
    """`answer`: taken, conflict, or the name of an error that should not have been."""

    cycle_id: str
    answer: str
    retries: int

    def line(self) -> str:
        return json.dumps(asdict(self)) + "\n"


def deliver(order: Order) -> Receipt:
    from autonomy.errors import Conflict
    from benchmarks.chaos.patience import patiently
    from turnitin.deliver_report import deliver_report

    retries = 0

    def again() -> None:
        nonlocal retries
        retries += 1

    time.sleep(max(0.0, order.at - time.time()))
    try:
        patiently(
            lambda: deliver_report(
                run_id=UUID(order.run_id),
                cycle_id=UUID(order.cycle_id),
                report_url=order.report_url,
                observed_similarity=order.similarity,
                actor=None,
            ),
            again,
        )
        answer = "taken"
    except Conflict:
        answer = "conflict"
    except Exception as error:  # noqa: BLE001 - told to the storm, which makes a finding of it
        answer = f"{type(error).__name__}: {error}"
    return Receipt(order.cycle_id, answer, retries)


def work(orders: Iterable[str]) -> None:
    told = threading.Lock()

    def one(line: str) -> None:
        receipt = deliver(Order(**json.loads(line)))
        with told:
            sys.stdout.write(receipt.line())
            sys.stdout.flush()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for line in orders:
            pool.submit(one, line)


def main() -> None:
    import django

    django.setup()
    work(iter(sys.stdin.readline, ""))


if __name__ == "__main__":
    main()

"""The books of several runs are right at every moment, whatever happens to them at the same time."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.models import F

from autonomy.errors import BudgetExceeded
from autonomy.models import ProviderCall, Run, spending, statements
from autonomy.providers import ledger
from autonomy.providers.attempt import Usage
from autonomy.tests.test_budget import entry, limited

pytestmark = pytest.mark.django_db(transaction=True)

WORKERS, CALLS = 6, 150
WRONG = """
SELECT r.id::text FROM autonomy_runs r,
LATERAL (SELECT coalesce(sum(tokens_in + tokens_out) FILTER (WHERE outcome <> 'pending'), 0) AS spent,
                coalesce(sum(usd) FILTER (WHERE outcome <> 'pending'), 0) AS spent_usd,
                coalesce(sum(tokens_in + tokens_out) FILTER (WHERE outcome = 'pending'), 0) AS reserved,
                coalesce(sum(usd) FILTER (WHERE outcome = 'pending'), 0) AS reserved_usd
         FROM autonomy_provider_calls WHERE run_id = r.id) calls
WHERE r.spent_tokens + r.reserved_tokens > r.limit_tokens OR r.spent_usd + r.reserved_usd > r.limit_usd
   OR (r.spent_tokens, r.reserved_tokens) <> (calls.spent, calls.reserved)
   OR (r.spent_usd, r.reserved_usd) <> (calls.spent_usd, calls.reserved_usd)
"""


def wrong() -> list[str]:
    """Runs whose totals are not the sum of their calls, or above a limit."""
    with connection.cursor() as cursor:
        cursor.execute(WRONG)
        return [row[0] for row in cursor.fetchall()]


@pytest.fixture
def forgetful(monkeypatch) -> None:
    """A tenth of what the database is told about money is carried out, and its answer is lost."""
    execute, chance = statements.execute, random.Random(1)

    def executed(statement: str, parameters: Any, **more: Any) -> Any:
        rows = execute(statement, parameters, **more)
        if statement in (spending.RESERVE, spending.SETTLE) and chance.random() < 0.1:
            raise OperationalError("the connection is gone")
        return rows

    monkeypatch.setattr(statements, "execute", executed)
    monkeypatch.setattr(ledger, "PAUSES", (0.0,) * 8)


def test_totals_are_the_sum_of_the_calls_and_within_the_limits_at_every_moment(start, forgetful):
    """Calls side by side, settled once or twice, some of them never; others taken for lost while they are settled;
    limits raised meanwhile; answers of the database lost."""
    runs = [limited(start, tokens=5000, usd=0.5) for _ in range(3)]

    def works(number: int) -> None:
        chance, under_way = random.Random(number), []
        for _ in range(CALLS):
            run = chance.choice(runs)
            most = Usage(chance.randrange(300), chance.randrange(200), usd=Decimal(chance.randrange(20_000)) / 10**6)
            try:
                under_way.append((ledger.reserve(entry(run, most)), most))
            except BudgetExceeded:
                raised = {"limit_tokens": F("limit_tokens") + 2000, "limit_usd": F("limit_usd") + Decimal("0.05")}
                Run.objects.filter(pk=run.pk).update(**raised)
                continue
            if chance.random() < 0.7:
                call, most = under_way.pop(chance.randrange(len(under_way)))
                usd = chance.choice([None, most.usd, most.usd / 3 if most.usd else None])
                used = Usage(chance.randint(0, most.tokens_in), chance.randint(0, most.tokens_out), usd=usd)
                for _ in range(chance.choice((1, 1, 2))):
                    ledger.settle(call, model="m", outcome="ok", usage=used, latency_ms=1)
        connection.close()

    over = threading.Event()

    def recovers() -> None:
        while not over.is_set():
            ledger.settle_lost(older_than=0.02)
            time.sleep(0.005)
        connection.close()

    with ThreadPoolExecutor(WORKERS + 2) as pool:
        beats = [pool.submit(recovers) for _ in range(2)]
        workers = [pool.submit(works, number) for number in range(WORKERS)]
        try:
            while not all(worker.done() for worker in workers):
                assert not wrong()
        finally:
            over.set()
        for ended in (*workers, *beats):
            ended.result()
    ledger.settle_lost(older_than=-1)
    assert not wrong()
    assert set(Run.objects.values_list("reserved_tokens", "reserved_usd")) == {(0, Decimal(0))}
    assert {*ProviderCall.objects.values_list("outcome", flat=True)} == {"ok", "lost"}

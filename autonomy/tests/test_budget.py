"""The limits of a run hold: what a call can use at most is reserved before it is made."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from autonomy.errors import BudgetExceeded
from autonomy.journeys.journey import LimitsSpec
from autonomy.journeys.registry import journey_named
from autonomy.models import Checkpoint, Episode, Job, ProviderCall, Run
from autonomy.providers import ledger
from autonomy.providers.attempt import Usage
from autonomy.runtime import recovery
from autonomy.services.raise_budget import raise_budget
from autonomy.services.start_run import default_limits
from autonomy.tests import fan_out
from autonomy.tests.test_worker import ROOT, wait_until
from config.env import BudgetDefaults
from turnitin.deliver_report import deliver_report
from turnitin.models import Cycle, Report

pytestmark = pytest.mark.django_db(transaction=True)


def entry(run: Run, at_most: Usage, **changed: Any) -> ledger.Entry:
    known = {"operation_id": uuid4(), "kind": "llm", "node": "plan", "provider": "one", "model": "m", "attempt": 1}
    return ledger.Entry(run_id=run.pk, at_most=at_most, **known | changed)


def totals(run: Run) -> tuple[int, Decimal, int, Decimal]:
    run.refresh_from_db()
    return run.spent_tokens, run.spent_usd, run.reserved_tokens, run.reserved_usd


def settle(call: int, usage: Usage, outcome: str = "ok") -> None:
    ledger.settle(call, model="m", outcome=outcome, usage=usage, latency_ms=5)


def limited(start: Callable[..., Run], **limits: float) -> Run:
    return start(task_spec={"limits": limits})


def test_limits_are_those_of_the_run_or_of_its_journey_or_of_all(start, settings):
    given = '{"tokens": 500, "usd": 3, "journeys": {"essay": {"usd": 7}}}'
    settings.ENV = settings.ENV.model_copy(update={"v2_budget_defaults": BudgetDefaults.model_validate_json(given)})
    run = limited(start, seconds=60)
    assert (run.limit_tokens, run.limit_usd, run.limit_seconds) == (500, 7, 60)
    brings = dataclasses.replace(journey_named("report"), limits=LimitsSpec(tokens=900, usd=9))
    assert default_limits(brings) == {"tokens": 900, "seconds": 900, "usd": 9}


def test_limits_of_a_journey_that_there_is_not_stop_the_start():
    given = {"V2_BUDGET_DEFAULTS": '{"journeys": {"esay": {"usd": 7}}}'}
    checked = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=ROOT, env=os.environ | given, capture_output=True, text=True
    )
    assert checked.returncode != 0
    assert "V2_BUDGET_DEFAULTS: there is no journey esay; the journeys are essay," in checked.stderr


def test_what_a_call_can_use_is_reserved_and_what_it_used_is_spent(start):
    run = limited(start, tokens=1000)
    call = ledger.reserve(entry(run, Usage(300, 200, usd=Decimal("0.5"))))
    assert totals(run) == (0, 0, 500, Decimal("0.5"))
    settle(call, Usage(100, 20, usd=Decimal("0.1")))
    assert totals(run) == (120, Decimal("0.1"), 0, 0)
    row = ProviderCall.objects.get()
    assert (row.outcome, row.tokens_in, row.tokens_out, row.usd) == ("ok", 100, 20, Decimal("0.1"))


@pytest.mark.parametrize(
    ("limits", "at_most", "which"),
    [
        ({"tokens": 500}, Usage(300, 201), "tokens"),
        ({"usd": 1}, Usage(1, 1, usd=Decimal("1.000001")), "usd"),
        ({"usd": 0}, Usage(1, 1, usd=Decimal("0.000001")), "usd"),
    ],
)
def test_a_call_that_could_cross_a_limit_is_not_made(start, limits, at_most, which):
    run = limited(start, **limits)
    with pytest.raises(BudgetExceeded) as caught:
        ledger.reserve(entry(run, at_most))
    assert caught.value.details["which"] == which
    assert totals(run) == (0, 0, 0, 0)
    assert not ProviderCall.objects.exists()


@pytest.mark.parametrize(
    ("limits", "at_most"),
    [({"tokens": 500}, Usage(300, 200)), ({"usd": 1}, Usage(1, 1, usd=Decimal(1))), ({"usd": 0}, Usage(1, 1))],
    ids=["to the last token", "to the last cent", "price unknown"],
)
def test_a_call_that_fits_is_made(start, limits, at_most):
    assert ledger.reserve(entry(limited(start, **limits), at_most))


def test_settled_twice_it_counts_once(start):
    run = limited(start, tokens=1000)
    call = ledger.reserve(entry(run, Usage(300, 200)))
    for _ in range(2):
        settle(call, Usage(100, 20))
    assert totals(run)[0::2] == (120, 0)


def test_a_call_whose_worker_died_is_taken_for_spent_and_put_right_if_it_comes_back(start):
    run = limited(start, tokens=1000)
    call = ledger.reserve(entry(run, Usage(300, 200, usd=Decimal("0.5"))))
    recovery.recover()
    assert ProviderCall.objects.get().outcome == "pending", "it may still be under way"
    ProviderCall.objects.update(created_at=timezone.now() - timedelta(hours=1))
    recovery.recover()
    row = ProviderCall.objects.get()
    assert (row.outcome, row.estimated, row.tokens_in) == ("lost", True, 300)
    assert totals(run) == (500, Decimal("0.5"), 0, 0)
    settle(call, Usage(100, 20, usd=Decimal("0.1")))
    assert totals(run) == (120, Decimal("0.1"), 0, 0)
    assert ProviderCall.objects.get().outcome == "ok"


@pytest.mark.parametrize("usd", [Decimal("-1"), Decimal("1e12"), Decimal("NaN"), Decimal("Infinity")])
def test_the_ledger_takes_any_number_that_a_provider_tells(start, usd):
    run = limited(start, tokens=1000)
    for attempt in (1, 2):
        call = ledger.reserve(entry(run, Usage(10, 10), attempt=attempt, operation_id=run.pk))
        told = Usage(10**12, -5, 10**20, usd)
        ledger.settle(call, model="m\x00" * 200, outcome="ok", usage=told, latency_ms=10**12, error="a\x00b")
        Run.objects.update(limit_tokens=10**12, spent_usd=0)
    assert totals(run)[0::2] == (2 * (2**31 - 1), 0)
    row = ProviderCall.objects.earliest("pk")
    assert (row.tokens_out, len(row.model), row.error) == (0, 120, "ab")


def test_the_episode_says_what_is_spent_and_what_the_next_call_would_need(model, start, work):
    model.usage, model.spare = (60, 40), 30
    run = limited(start, tokens=220)
    work()
    run.refresh_from_db()
    assert (run.status, run.outcome, run.route) == ("done", "budget_exceeded", "END")
    told = Episode.objects.get(run=run, kind="budget_exceeded")
    assert told.data == {"budget_exceeded": True, "which": "tokens", "limit": 220, "spent": 100, "asked": 130}
    assert told.message == "100 of 220 tokens are spent, and the next call could use up to 130. " + (
        "To go on, it takes a limit of 230 or more."
    )
    assert len(model.requests) == 1, "the call that could cross the limit was not made"


def test_a_run_that_ended_at_its_limit_goes_on_where_it_was_once_it_is_raised(model, start, work, superuser):
    model.usage = (60, 40)
    run = limited(start, tokens=150)
    work()
    assert Run.objects.get().outcome == "budget_exceeded"
    raise_budget(run_id=run.pk, actor=superuser, tokens=500)
    work()
    run.refresh_from_db()
    assert run.status == "waiting_human"
    assert [request.purpose for request in model.requests] == ["plan", "section"], "nothing is done twice"


def test_a_limit_that_is_raised_while_a_node_asks_for_more_is_taken_at_once(model, start, work, monkeypatch):
    model.usage = (60, 40)
    run = limited(start, tokens=150)
    refused = ledger.reserve

    def raise_it(asked: ledger.Entry) -> int:
        try:
            return refused(asked)
        except BudgetExceeded:
            Run.objects.filter(pk=run.pk).update(limit_tokens=500)
            raise

    monkeypatch.setattr(ledger, "reserve", raise_it)
    work()
    run.refresh_from_db()
    assert run.status == "waiting_human"
    assert not Episode.objects.filter(kind="budget_exceeded").exists()


def test_a_node_that_is_at_work_when_the_seconds_run_out_asks_nobody_any_more(model, start, work):
    run = limited(start, seconds=1)
    model.before = lambda request: Run.objects.filter(pk=run.pk).update(limit_seconds=F("spent_seconds") + 0.001)
    work()
    run.refresh_from_db()
    assert run.outcome == "budget_exceeded"
    assert Episode.objects.get(kind="budget_exceeded").data["which"] == "seconds"
    assert len(model.requests) == 1


def test_three_days_of_waiting_for_a_report_spend_no_seconds(model, start, work):
    """Everything that happened is moved three days back, and then the report comes."""
    run = start(task_spec={"limits": {"seconds": 60}})
    work()
    assert Run.objects.get().status == "waiting_human"
    for rows in (Run, Job, Episode, Cycle, Checkpoint, ProviderCall):
        moments = [f.name for f in rows._meta.fields if f.get_internal_type() == "DateTimeField"]
        rows.objects.update(**{name: F(name) - timedelta(days=3) for name in moments})
    before = Run.objects.get().spent_seconds
    cycle = Cycle.objects.get(run=run)
    deliver_report(
        run_id=run.pk, cycle_id=cycle.pk, report_url="https://r.example.org/1", observed_similarity=0.1, actor=None
    )
    recovery.recover()
    work()
    run.refresh_from_db()
    assert (run.outcome, Report.objects.count()) == ("accepted", 1)
    assert (run.ended_at - run.created_at).days >= 3
    assert run.spent_seconds - before < 30


# --- side by side ---


def test_fifty_sections_side_by_side_with_a_limit_for_thirty_take_thirty(model, journey, work):
    model.usage = (70, 30)
    run = journey("fan_out", {"limits": {"tokens": 3000}})
    work()
    run.refresh_from_db()
    assert (run.outcome, run.spent_tokens, run.reserved_tokens) == ("budget_exceeded", 3000, 0)
    assert len(model.requests) == 30


def test_what_is_reserved_too_much_is_given_back_and_used_by_the_others(model, journey, work):
    """Each call uses a quarter of what is reserved for it: the last ones wait for what those before give back."""
    model.usage, model.spare = (70, 30), 300
    run = journey("fan_out", {"limits": {"tokens": 3000}})
    work()
    run.refresh_from_db()
    assert run.outcome == "budget_exceeded"
    assert 2600 < run.spent_tokens <= 3000
    assert run.reserved_tokens == 0


def test_sections_that_were_written_side_by_side_are_not_paid_again_when_the_run_goes_on(
    model, journey, work, superuser
):
    model.usage = (70, 30)
    run = journey("fan_out", {"limits": {"tokens": 3000}})
    work()
    raise_budget(run_id=run.pk, actor=superuser, tokens=10_000)
    work()
    run.refresh_from_db()
    assert (run.outcome, run.spent_tokens) == ("accepted", 5000)
    asked = sorted(request.material["number"] for request in model.requests)
    assert asked == list(range(fan_out.SECTIONS)), "each section was asked for once"


def test_connections_of_nodes_side_by_side_go_back_to_the_pool(model, journey, work):
    runs = [journey("fan_out", {"limits": {"tokens": 200_000}}) for _ in range(3)]
    work()
    assert {Run.objects.get(pk=run.pk).outcome for run in runs} == {"accepted"}

    def taken() -> int:
        known = connection.pool.get_stats()
        return known["pool_size"] - known["pool_available"]

    wait_until(lambda: taken() == 1)  # this test's own; the heartbeat has one now and then


FOUR_WORKERS = """
import django, sys, uuid
django.setup()
from autonomy.errors import BudgetExceeded
from autonomy.providers import ledger
from autonomy.providers.attempt import Usage
sys.stdout.write("ready\\n"); sys.stdout.flush(); sys.stdin.readline()
made = 0
for _ in range(50):
    entry = ledger.Entry(uuid.UUID(sys.argv[1]), uuid.uuid4(), "llm", "draft", "one", "m", 1, Usage(70, 30))
    try:
        call = ledger.reserve(entry)
    except BudgetExceeded:
        continue
    made += 1
    ledger.settle(call, model="m", outcome="ok", usage=Usage(70, 30), latency_ms=1)
print(made)
"""


def test_four_worker_processes_together_never_cross_the_limit(start):
    run = limited(start, tokens=3000)
    database = os.environ["DATABASE_URL"].replace("/autonomy", f"/{connection.settings_dict['NAME']}", 1)
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", FOUR_WORKERS, str(run.pk)],
            env=os.environ | {"DATABASE_URL": database, "DJANGO_SETTINGS_MODULE": "config.settings"},
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    assert [worker.stdout.readline() for worker in workers] == ["ready\n"] * 4
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    made = [int(worker.communicate(timeout=60)[0]) for worker in workers]
    assert sum(made) == 30
    assert totals(run)[0::2] == (3000, 0)

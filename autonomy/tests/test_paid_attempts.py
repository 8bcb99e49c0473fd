"""What becomes of a reservation, and of a probe's place at the breaker, whichever way an attempt ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from autonomy.errors import BudgetExceeded, LeaseLost, RunCancelled
from autonomy.models import Episode, ProviderCall, Run, spending, statements
from autonomy.ports import ModelRequest
from autonomy.providers import ledger, retry
from autonomy.providers.attempt import AttemptFailed, Fault, NotSent, TimedOut, Usage
from autonomy.providers.breaker import breaker
from autonomy.providers.caller import Caller
from autonomy.providers.gateway import Gateway
from autonomy.providers.operation import Operation, Passed
from autonomy.runtime import recovery
from autonomy.services.raise_budget import raise_budget
from autonomy.tests.scripted import ScriptedModel
from autonomy.tests.test_budget import entry, limited, settle, totals

pytestmark = pytest.mark.django_db(transaction=True)

MOST = Usage(300, 200, usd=Decimal("0.5"))
USED = Usage(100, 20, usd=Decimal("0.1"))


class Told:
    """Episodes, as they were told."""

    def __init__(self) -> None:
        self.kinds: list[str] = []
        self.data: list[dict[str, Any]] = []

    def note(self, kind: str, message: str, **data: Any) -> None:
        self.kinds.append(kind)
        self.data.append(data)

    now = note


class Asker:
    """Puts questions on behalf of one run."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.told = Told()
        self.proceed: Callable[[], None] = lambda: None
        self.seconds = (900.0, 0.0)

    @property
    def caller(self) -> Caller:
        return Caller(
            run_id=self.run.pk,
            node="plan",
            episodes=self.told,
            proceed=lambda: self.proceed(),
            seconds=lambda: self.seconds,
        )

    def operation(self) -> Operation:
        return Operation(self.caller, ProviderCall.Kind.LLM)

    def ask(self, attempt: Callable[[float], tuple[str, Usage, str]], at_most: Usage = MOST) -> str:
        return self.operation().put_to("one", attempt, at_most=at_most, model="m")


@pytest.fixture
def asker(start, monkeypatch) -> Asker:
    monkeypatch.setattr("autonomy.providers.retry.BASE_SECONDS", 0.01)
    return Asker(limited(start, tokens=1000))


@pytest.fixture
def half_open(monkeypatch) -> Iterator[Callable[[], bool]]:
    """The circuit of `one` waits for its probe; the fixture tells whether the place of the probe is free."""
    ahead = 0.0
    monkeypatch.setattr(breaker(), "_clock", lambda: time.time() + ahead)
    breaker().cool("llm:one", 5, "it asked to be left alone")
    ahead = 10.0

    def is_free() -> bool:
        free = breaker().ask("llm:one", probe_seconds=60).may_go
        breaker().unused("llm:one")
        return free

    return is_free


def answers(timeout: float) -> tuple[str, Usage, str]:
    return "yes", USED, "m"


def fails(error: BaseException) -> Callable[[float], tuple[str, Usage, str]]:
    def attempt(timeout: float) -> tuple[str, Usage, str]:
        raise error

    return attempt


def state() -> str:
    return str(breaker().state(["llm:one"])["llm:one"]["state"])


# --- a lost answer of the database ---


@pytest.fixture
def lost_answers(monkeypatch) -> list[str]:
    """Of these statements the next one is carried out, and its answer is lost."""
    lost: list[str] = []
    execute = statements.execute

    def executed(statement: str, parameters: Any, **more: Any) -> Any:
        rows = execute(statement, parameters, **more)
        if statement in lost:
            lost.remove(statement)
            raise OperationalError("the connection is gone")
        return rows

    monkeypatch.setattr(statements, "execute", executed)
    return lost


def test_a_reservation_whose_answer_is_lost_is_made_once(asker, lost_answers):
    lost_answers += [spending.RESERVE, spending.SETTLE]
    assert asker.ask(answers) == "yes"
    assert totals(asker.run) == (120, Decimal("0.1"), 0, 0)
    assert ProviderCall.objects.get().outcome == "ok"


def test_a_reservation_whose_answer_is_lost_does_not_stand_in_its_own_way(start, lost_answers):
    """It takes more than half of the limit: asked for again it finds no room beside itself."""
    run = limited(start, tokens=600)
    lost_answers.append(spending.RESERVE)
    call = ledger.reserve(entry(run, Usage(300, 200)))
    assert totals(run) == (0, 0, 500, 0)
    settle(call, Usage(100, 20))
    assert totals(run) == (120, 0, 0, 0)


def test_a_reservation_that_was_given_up_as_lost_before_its_answer_came_is_put_right(start, monkeypatch):
    """The worker was stopped between two tries, for so long that recovery took its attempt for lost."""
    run = limited(start, tokens=1000)
    execute = statements.execute

    def stopped(statement: str, parameters: Any, **more: Any) -> Any:
        execute(statement, parameters, **more)
        monkeypatch.setattr(statements, "execute", execute)
        ProviderCall.objects.update(created_at=timezone.now() - timedelta(hours=1))
        recovery.recover()
        raise OperationalError("the connection is gone")

    monkeypatch.setattr(statements, "execute", stopped)
    call = ledger.reserve(entry(run, Usage(300, 200)))
    assert totals(run) == (500, 0, 0, 0)
    settle(call, Usage(100, 20))
    assert totals(run) == (120, 0, 0, 0)


# --- every way out of an attempt ---


@pytest.mark.parametrize("error", [KeyError, LeaseLost, RunCancelled, SystemExit, KeyboardInterrupt])
def test_an_attempt_that_is_torn_counts_as_the_most_it_can_have_cost(asker, half_open, error):
    with pytest.raises(error):
        asker.ask(fails(error()))
    assert totals(asker.run) == (500, Decimal("0.5"), 0, 0)
    row = ProviderCall.objects.get()
    assert (row.outcome, row.estimated) == ("final", True)


@pytest.mark.parametrize("error", [KeyError, LeaseLost, SystemExit])
def test_an_error_of_our_own_says_nothing_about_the_provider_and_gives_the_probe_s_place_back(asker, half_open, error):
    with pytest.raises(error):
        asker.ask(fails(error()))
    assert state() == "half_open"
    assert half_open()


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.OVERFLOW, Fault.KEY, Fault.MALFORMED])
def test_a_provider_that_refuses_is_well_and_closes_its_circuit(asker, half_open, fault):
    with pytest.raises(Exception, match="no"):
        asker.ask(fails(AttemptFailed("no", fault, http_status=400)))
    assert state() == "closed"
    assert ProviderCall.objects.get().outcome == "final"


def test_who_was_not_asked_at_all_is_not_blamed(asker, env, half_open):
    env(autonomy_provider_attempts=1)
    with pytest.raises(Passed, match="too many wait"):
        asker.ask(fails(NotSent("too many wait for their turn")))
    assert state() == "half_open"
    assert half_open()


def test_a_probe_that_fails_opens_the_circuit_again(asker, half_open):
    with pytest.raises(Passed):
        asker.ask(fails(AttemptFailed("HTTP 503", Fault.TRANSIENT, http_status=503)))
    assert state() == "open"


def test_a_probe_that_cannot_be_paid_gives_its_place_back(asker, half_open):
    with pytest.raises(BudgetExceeded):
        asker.ask(answers, at_most=Usage(2000, 0))
    assert half_open()


def test_a_probe_whose_run_is_cancelled_while_it_waits_for_its_money_gives_its_place_back(asker, half_open):
    ledger.reserve(entry(asker.run, Usage(900, 0)))
    asked = iter([None])

    def cancelled() -> None:
        if next(asked, "again"):
            raise RunCancelled

    asker.proceed = cancelled
    with pytest.raises(RunCancelled):
        asker.ask(answers)
    assert half_open()
    assert totals(asker.run)[2] == 900


def test_a_database_that_stays_away_at_the_end_leaves_a_reservation_that_is_settled_as_lost(
    asker, half_open, monkeypatch
):
    monkeypatch.setattr(ledger, "PAUSES", (0.0,))
    execute = statements.execute

    def away(statement: str, parameters: Any, **more: Any) -> Any:
        if statement == spending.SETTLE:
            raise OperationalError("no database")
        return execute(statement, parameters, **more)

    monkeypatch.setattr(statements, "execute", away)
    with pytest.raises(OperationalError):
        asker.ask(answers)
    assert state() == "closed", "the provider did answer"
    assert totals(asker.run) == (0, 0, 500, Decimal("0.5"))
    ProviderCall.objects.update(created_at=timezone.now() - timedelta(hours=1))
    recovery.recover()
    assert totals(asker.run) == (500, Decimal("0.5"), 0, 0)


# --- limits ---


@pytest.mark.parametrize(
    ("limits", "at_most"),
    [({"tokens": 1000}, Usage(600, 0)), ({"usd": 1}, Usage(1, 1, usd=Decimal("0.6")))],
    ids=["tokens", "usd"],
)
def test_what_others_have_reserved_is_waited_for_until_the_deadline_and_no_longer(start, env, limits, at_most):
    env(autonomy_provider_deadline=0.5)
    asker = Asker(limited(start, **limits))
    ledger.reserve(entry(asker.run, at_most))
    looks: list[None] = []
    asker.proceed = lambda: looks.append(None)
    with pytest.raises(BudgetExceeded) as caught:
        asker.ask(answers, at_most=at_most)
    assert caught.value.waits
    assert len(looks) > 1, "it waited"
    assert ProviderCall.objects.count() == 1


def test_a_run_that_must_not_go_on_asks_nobody(asker):
    def cancelled() -> None:
        raise RunCancelled

    asker.proceed = cancelled
    with pytest.raises(RunCancelled):
        asker.ask(answers)
    assert not ProviderCall.objects.exists()


def test_a_run_without_seconds_ends_at_its_limit_and_not_as_failed(asker):
    operation = asker.operation()
    asker.seconds = (10.0, 10.0)
    with pytest.raises(BudgetExceeded):
        operation.put_to("one", answers, at_most=MOST)


def test_a_question_that_takes_the_last_seconds_without_an_answer_ends_the_run_at_its_limit(asker):
    model = ScriptedModel()

    def time_flies(request: ModelRequest) -> None:
        asker.seconds = (10.0, 10.0)
        raise AttemptFailed("timed out", Fault.TRANSIENT, usage=None)

    model.before = time_flies
    with pytest.raises(BudgetExceeded, match="seconds"):
        Gateway([model], asker.caller).answer(ModelRequest("plan", "Plan.", {}, {}))


# --- waits ---


def test_waits_grow_up_to_their_cap_and_are_drawn_from_nothing_on(monkeypatch):
    drawn: list[tuple[float, float]] = []

    def draw(low: float, high: float) -> float:
        drawn.append((low, high))
        return 0.0

    monkeypatch.setattr("random.uniform", draw)
    with pytest.raises(AttemptFailed):
        retry.call(
            lambda: fails(AttemptFailed("down", Fault.TRANSIENT))(1)[0],
            attempts=9,
            deadline=time.monotonic() + 60,
            before_retry=lambda error, wait: None,
        )
    assert drawn[:8] == [(0, 0.5), (0, 1.0), (0, 2.0), (0, 4.0), (0, 8.0), (0, 16.0), (0, 30.0), (0, 30.0)]


def test_a_wait_is_left_at_once_when_the_run_is_cancelled(asker):
    asked = iter([None])

    def cancelled() -> None:
        if next(asked, "again"):
            raise RunCancelled

    asker.proceed = cancelled
    began = time.monotonic()
    with pytest.raises(RunCancelled):
        asker.ask(fails(AttemptFailed("HTTP 429", Fault.TRANSIENT, retry_after=25.0)))
    assert time.monotonic() - began < 15


def test_a_wait_above_the_cap_is_not_taken_though_there_is_time(asker):
    with pytest.raises(Passed) as caught:
        asker.ask(fails(AttemptFailed("HTTP 429", Fault.TRANSIENT, retry_after=45.0)))
    assert (caught.value.retry_after, ProviderCall.objects.count()) == (45.0, 1)


def test_a_rest_that_is_over_already_is_not_asked_about_without_a_pause(asker):
    operation = asker.operation()
    operation.pass_over("one", "it rests", Fault.TRANSIENT)
    assert operation.waits_for({"one": 0.0})
    assert asker.told.data[-1]["wait_seconds"] == 0.5


# --- time ---


def test_an_attempt_that_waited_for_its_money_gets_the_time_that_is_left_then(asker, env):
    env(autonomy_provider_deadline=3.0, autonomy_provider_timeout=2.5)
    other = ledger.reserve(entry(asker.run, Usage(900, 0)))
    began = time.monotonic()

    def give_back_later() -> None:
        if time.monotonic() - began > 1.0:
            settle(other, Usage(10, 0))

    asker.proceed = give_back_later
    given: list[float] = []

    def attempt(timeout: float) -> tuple[str, Usage, str]:
        given.append(time.monotonic() - began + timeout)
        return answers(timeout)

    asker.ask(attempt)
    assert given[0] <= 3.05, "the attempt ends where the time for the whole question does"


def test_an_attempt_for_which_no_time_is_left_is_not_made_and_costs_nothing(asker, env, monkeypatch):
    env(autonomy_provider_deadline=1.0)
    reserve = ledger.reserve

    def slow(asked: ledger.Entry) -> int:
        call = reserve(asked)
        now = time.monotonic()
        monkeypatch.setattr("autonomy.providers.paid.time.monotonic", lambda: now + 60)
        return call

    monkeypatch.setattr(ledger, "reserve", slow)
    with pytest.raises(Passed, match="the time for the whole question is over"):
        asker.ask(fails(AssertionError("it was made")))
    assert totals(asker.run) == (0, 0, 0, 0)
    assert ProviderCall.objects.get().outcome == "retryable"


@pytest.mark.parametrize(("left", "after"), [(8.0, "half_open"), (40.0, "open")])
def test_who_is_cut_short_by_the_run_s_own_end_is_not_blamed(asker, env, half_open, left, after):
    env(autonomy_provider_timeout=60.0, autonomy_provider_attempts=1)
    asker.seconds = (left, 0.0)
    with pytest.raises(Passed, match="timed out"):
        asker.operation().put_to("one", fails(TimedOut("timed out", usage=None)), at_most=MOST)
    assert state() == after
    if after == "half_open":
        assert half_open(), "the next who asks may be the probe"
    assert totals(asker.run)[0] == 500 * ProviderCall.objects.count(), "it was sent, and counts"


# --- more than can have been used ---


def test_a_provider_that_reports_more_than_it_can_have_used_is_told_of_and_stops_the_next_call(asker):
    told = asker.told
    asker.ask(lambda timeout: ("yes", Usage(5000, 20, usd=Decimal(2)), "m"))
    assert totals(asker.run) == (5020, 2, 0, 0), "what is billed is what is told"
    assert told.kinds == ["usage_above_reserve"]
    reserved, used = {"tokens": 500, "usd": 0.5}, {"tokens": 5020, "usd": 2.0}
    assert told.data == [{"provider": "one", "reserved": reserved, "used": used}]
    with pytest.raises(BudgetExceeded) as caught:
        asker.ask(fails(AssertionError("it was made")), at_most=Usage(1, 0))
    assert (caught.value.details["spent"], caught.value.waits) == (5020, False)


def test_a_provider_within_its_reservation_is_not_told_of(asker):
    asker.ask(answers)
    assert asker.told.kinds == []


# --- recovery beside others ---


def test_a_run_whose_row_is_held_does_not_hold_up_the_lost_calls_of_others(start):
    """A stopped worker may hold a row for as long as Postgres lets it."""
    held, free = limited(start, tokens=1000), limited(start, tokens=1000)
    for run in (held, free):
        ledger.reserve(entry(run, Usage(300, 200)))
    ProviderCall.objects.update(created_at=timezone.now() - timedelta(hours=1))
    holding, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Run.objects.select_for_update(no_key=True).get(pk=held.pk)
            holding.set()
            done.wait(8)
        connection.close()

    other = threading.Thread(target=hold)
    other.start()
    assert holding.wait(5)
    try:
        assert ledger.settle_lost(older_than=60) == 1
        assert not done.is_set()
        assert totals(free)[0] == 500
    finally:
        done.set()
        other.join()
    assert ledger.settle_lost(older_than=60) == 1
    assert totals(held) == (500, 0, 0, 0)


def test_an_answer_that_is_written_down_while_its_call_is_taken_for_lost_is_put_right(start):
    run = limited(start, tokens=1000)
    call = ledger.reserve(entry(run, MOST))
    ProviderCall.objects.update(created_at=timezone.now() - timedelta(hours=1))
    failed: list[BaseException] = []

    def write_down() -> None:
        try:
            settle(call, USED)
        except BaseException as error:  # noqa: BLE001 - told by the assertion
            failed.append(error)
        connection.close()

    late = threading.Thread(target=write_down)
    with transaction.atomic():
        assert ledger.settle_lost(older_than=60) == 1
        late.start()
        with connection.cursor() as cursor:
            for _ in range(500):
                cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
                if cursor.fetchone()[0]:
                    break
                time.sleep(0.02)
    late.join()
    assert not failed
    assert totals(run) == (120, Decimal("0.1"), 0, 0)


def test_limits_raised_while_calls_are_lost_and_come_back_never_leave_the_books(start, superuser):
    run = limited(start, tokens=1000)
    lost = ledger.reserve(entry(run, Usage(600, 0)))
    ProviderCall.objects.update(created_at=timezone.now() - timedelta(hours=1))
    recovery.recover()
    with pytest.raises(BudgetExceeded):
        ledger.reserve(entry(run, Usage(600, 0)))
    raise_budget(run_id=run.pk, actor=superuser, tokens=1500)
    second = ledger.reserve(entry(run, Usage(600, 0)))
    settle(lost, Usage(50, 0))
    third = ledger.reserve(entry(run, Usage(600, 0)))
    for call in (second, third, lost):
        settle(call, Usage(600, 0))
    assert totals(run) == (1250, 0, 0, 0)
    assert not Episode.objects.filter(run=run, kind="budget_exceeded").exists()

"""What people may do to a run: each asks through its service, and leaves an episode with who asked."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone

from autonomy.errors import Conflict, InvalidInput, NotFound, ProviderUnavailable
from autonomy.models import Episode, Job, Run
from autonomy.runtime import queue, recovery, step
from autonomy.services.cancel_run import cancel_run
from autonomy.services.prioritise_run import prioritise_run
from autonomy.services.raise_budget import raise_budget
from autonomy.services.retry_run import retry_run
from autonomy.services.schedule_run import schedule_run
from autonomy.tests.factories import UserFactory
from turnitin.deliver_report import deliver_report
from turnitin.models import Cycle, Report

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def mara():
    return UserFactory(username="mara", is_staff=True)


def deliver(run, similarity, url="https://reports.example.org/1"):
    cycle = Cycle.objects.filter(run=run).latest("number")
    return deliver_report(run_id=run.pk, cycle_id=cycle.pk, report_url=url, observed_similarity=similarity, actor=None)


def newest(run, kind):
    return Episode.objects.filter(run=run, kind=kind).latest("seq")


def kinds(run):
    return list(Episode.objects.filter(run=run).order_by("seq").values_list("kind", flat=True))


def assert_gapless(run):
    seqs = list(Episode.objects.filter(run=run).order_by("seq").values_list("seq", flat=True))
    run.refresh_from_db()
    assert seqs == list(range(1, run.last_seq + 1))


def fail(model, start, work, message="The provider is down."):
    """A run that failed in its draft node."""

    def down(request):
        if request.purpose == "section":
            raise KeyError(message)

    model.before = down
    run = start()
    work()
    model.before = lambda request: None
    run.refresh_from_db()
    assert (run.status, run.route) == ("failed", "draft")
    return run


# --- cancel ---


def test_a_queued_run_is_cancelled_on_the_spot(start, work, mara):
    run = start()
    run = cancel_run(run_id=run.pk, actor=mara, reason="A double.")
    assert (run.status, run.outcome) == ("cancelled", "cancelled")
    assert Job.objects.get().state == "cancelled"
    asked = newest(run, "cancel_requested")
    assert (asked.actor, asked.data) == (mara, {"reason": "A double."})
    assert "mara asked to cancel the run: A double." in asked.message
    assert kinds(run)[-2:] == ["cancel_requested", "run_cancelled"]
    assert work() == 0
    assert_gapless(run)


def test_a_run_that_a_worker_holds_is_cancelled_at_the_next_boundary(model, start, work, mara):
    run = start()
    seen = []

    def ask(request):
        seen.append(cancel_run(run_id=run.pk, actor=mara).status)

    model.before = ask
    work()
    run.refresh_from_db()
    assert seen == ["running"], "the request is answered at once, and no further node has run"
    assert (run.status, run.cancel_requested_at is not None) == ("cancelled", True)
    assert_gapless(run)


def test_asking_twice_changes_nothing_and_is_answered_the_same(model, start, work, mara):
    run = start()
    seen = []

    def ask(request):
        seen.extend(cancel_run(run_id=run.pk, actor=mara).cancel_requested_at for _ in range(2))

    model.before = ask
    work()
    assert seen[0] == seen[1]
    again = cancel_run(run_id=run.pk, actor=mara)
    assert (again.status, again.cancel_requested_at) == ("cancelled", seen[0])
    assert kinds(run).count("cancel_requested") == 1


def test_a_waiting_run_that_is_cancelled_withdraws_its_cycle_and_a_late_report_changes_nothing(
    model, start, work, mara
):
    run = start()
    work()
    cancel_run(run_id=run.pk, actor=mara)
    cycle = Cycle.objects.get()
    assert (cycle.state, cycle.withdrawn_at is not None) == ("awaiting_report", True)
    episodes = kinds(run)
    with pytest.raises(Conflict):
        deliver(run, 0.1)
    run.refresh_from_db()
    cycle.refresh_from_db()
    assert (run.status, cycle.state, kinds(run)) == (
        "cancelled",
        "awaiting_report",
        [*episodes, "report_too_late"],
    )
    assert work() == 0
    assert Report.objects.get().too_late, "it is kept in the inbox"


def test_a_run_whose_report_is_here_but_not_judged_can_be_cancelled(model, start, work, mara):
    run = start()
    work()
    deliver(run, 0.1)
    cancel_run(run_id=run.pk, actor=mara)
    assert work() == 0
    assert (Cycle.objects.get().state, Job.objects.get(kind="resume").state) == ("report_ready", "cancelled")


def test_a_request_is_not_lost_when_the_worker_is(model, start, work, mara):
    run = start()
    queue.claim()
    cancel_run(run_id=run.pk, actor=mara)
    Job.objects.update(lease_expires_at=run.created_at)
    recovery.recover()
    work()
    run.refresh_from_db()
    assert run.status == "cancelled"
    assert model.requests == []


def test_a_run_that_has_ended_cannot_be_cancelled(model, start, work, mara):
    run = start()
    work()
    deliver(run, 0.1)
    work()
    with pytest.raises(Conflict, match="has ended already") as refused:
        cancel_run(run_id=run.pk, actor=mara)
    assert refused.value.details == {"run_id": str(run.pk), "status": "done", "outcome": "accepted"}
    run.refresh_from_db()
    assert run.cancel_requested_at is None


@pytest.mark.parametrize("ask", [cancel_run, retry_run])
def test_a_run_that_is_gone_is_not_found(ask, mara):
    with pytest.raises(NotFound):
        ask(run_id=uuid4(), actor=mara)


# --- retry ---


def test_a_failed_run_goes_on_from_its_last_checkpoint_to_its_end(model, start, work, mara):
    run = fail(model, start, work)
    planned = len(model.requests) - 1
    supersteps = run.supersteps
    run = retry_run(run_id=run.pk, actor=mara)
    assert (run.status, run.outcome, run.reason, run.ended_at) == ("queued", "", "", None)
    told = newest(run, "run_retried")
    assert (told.actor, told.data["route"]) == (mara, "draft")
    assert "KeyError" in told.data["failed_with"]
    work()
    run.refresh_from_db()
    assert (run.status, run.route) == ("waiting_human", "turnitin_pause")
    assert [r.purpose for r in model.requests[planned + 1 :]] == ["section"], "nothing is planned twice"
    assert run.supersteps > supersteps
    deliver(run, 0.1)
    work()
    run.refresh_from_db()
    assert (run.status, run.outcome) == ("done", "accepted")
    assert_gapless(run)


def test_a_retried_run_has_its_attempts_afresh(model, start, work, settings, mara):
    settings.ENV = settings.ENV.model_copy(update={"autonomy_job_attempts": 1})

    def down(request):
        raise ProviderUnavailable("The provider is down.")

    model.before = down
    run = start()
    step.execute(queue.claim())
    retry_run(run_id=run.pk, actor=mara)
    job = Job.objects.get(state="queued")
    assert (job.kind, job.attempt, Job.objects.count()) == ("continue", 0, 2)
    model.before = lambda request: None
    work()
    run.refresh_from_db()
    assert run.status == "waiting_human"


def test_a_run_that_failed_before_its_first_superstep_starts_over(model, start, work, mara):
    run = start()
    model.before = lambda request: 1 / 0
    work()
    model.before = lambda request: None
    retry_run(run_id=run.pk, actor=mara)
    work()
    run.refresh_from_db()
    assert run.status == "waiting_human"
    assert kinds(run).count("run_started") == 1


def lose_every_worker(kind):
    while Job.objects.filter(kind=kind, state="queued").exists():
        Job.objects.update(scheduled_at=timezone.now())
        queue.claim()
        Job.objects.filter(state="running").update(lease_expires_at=timezone.now() - timedelta(seconds=1))
        recovery.recover()


def test_a_run_that_failed_while_its_report_was_away_waits_on_without_a_job(model, start, work, mara):
    run = start()
    work()
    queue.enqueue_resume(run.pk)
    lose_every_worker("resume")
    run.refresh_from_db()
    assert run.status == "failed"
    run = retry_run(run_id=run.pk, actor=mara)
    assert (run.status, run.route) == ("waiting_human", "turnitin_pause")
    assert not Job.objects.filter(state__in=["queued", "running"]).exists()
    deliver(run, 0.1)
    work()
    run.refresh_from_db()
    assert run.outcome == "accepted"
    assert_gapless(run)


def test_a_run_that_failed_with_its_report_at_hand_judges_it_after_the_retry(model, start, work, mara):
    run = start()
    work()
    deliver(run, 0.1)
    lose_every_worker("resume")
    Run.objects.filter(pk=run.pk).update(spent_tokens=run.limit_tokens)
    assert retry_run(run_id=run.pk, actor=mara).status == "queued"
    work()
    run.refresh_from_db()
    assert run.outcome == "accepted", "whatever was spent: judging costs nothing"


def test_a_request_to_cancel_that_came_too_late_does_not_stop_a_retry(model, start, work, mara):
    run = fail(model, start, work)
    Run.objects.filter(pk=run.pk).update(cancel_requested_at=run.ended_at)
    assert retry_run(run_id=run.pk, actor=mara).cancel_requested_at is None
    work()
    run.refresh_from_db()
    assert run.status == "waiting_human"


def test_only_a_failed_run_can_be_retried(model, start, work, mara):
    run = start()
    with pytest.raises(Conflict, match="has not failed, it is queued"):
        retry_run(run_id=run.pk, actor=mara)
    cancel_run(run_id=run.pk, actor=mara)
    with pytest.raises(Conflict, match="fork it"):
        retry_run(run_id=run.pk, actor=mara)


# --- budget ---


def test_limits_of_a_run_that_goes_on_are_raised(start, mara):
    run = start()
    run = raise_budget(run_id=run.pk, actor=mara, tokens=300_000, usd=7.5, reason="Longer than planned.")
    assert (run.limit_tokens, run.limit_seconds, float(run.limit_usd), run.status) == (300_000, 900, 7.5, "queued")
    told = newest(run, "budget_raised")
    assert told.actor == mara
    assert told.data["before"] == {"tokens": 200_000, "seconds": 900, "usd": 5.0}
    assert told.data["after"] == {"tokens": 300_000, "seconds": 900, "usd": 7.5}
    assert "(“Longer than planned.”): tokens from 200,000 to 300,000, usd from 5.0 to 7.5" in told.message
    assert told.data["reason"] == "Longer than planned."
    assert Job.objects.count() == 1


def used_up(model, start, work):
    model.usage = (60, 40)
    run = start(task_spec={"limits": {"tokens": 200}})
    work()
    run.refresh_from_db()
    assert run.outcome == "budget_exceeded"
    return run


def test_a_run_that_used_up_a_limit_goes_on_when_it_is_raised(model, start, work, mara):
    run = used_up(model, start, work)
    run = raise_budget(run_id=run.pk, actor=mara, tokens=1000)
    assert (run.status, run.outcome, run.ended_at) == ("queued", "", None)
    assert newest(run, "budget_raised").data["goes_on"] is True
    work()
    run.refresh_from_db()
    assert (run.status, run.route) == ("waiting_human", "turnitin_pause")
    assert_gapless(run)


def test_a_limit_that_is_still_used_up_is_named_with_what_is_spent(model, start, work, mara):
    run = used_up(model, start, work)
    Run.objects.filter(pk=run.pk).update(spent_tokens=700)
    with pytest.raises(InvalidInput, match="The limit of 500 tokens is still used up") as refused:
        raise_budget(run_id=run.pk, actor=mara, tokens=500)
    assert refused.value.details["fields"] == {"tokens": ["It must be above what is spent: 700."]}
    Run.objects.filter(pk=run.pk).update(spent_seconds=1000)
    with pytest.raises(InvalidInput, match=r"The limit of 900\.0 seconds is still used up") as refused:
        raise_budget(run_id=run.pk, actor=mara, tokens=1000)
    assert refused.value.details["spent"] == 1000
    run.refresh_from_db()
    assert (run.status, run.limit_tokens) == ("done", 200), "nothing is changed by half"
    assert "budget_raised" not in kinds(run)


@pytest.mark.parametrize(
    ("asked", "field", "hint"),
    [
        ({"tokens": 200_000}, "tokens", "above the present limit of 200,000"),
        ({"seconds": 10}, "seconds", "above the present limit of 900"),
        ({"usd": 4.99}, "usd", "above the present limit of 5"),
        ({"tokens": 10**9}, "tokens", "less than or equal to 100000000"),
        ({"usd": 6.0000001}, "usd", "six decimals"),
        ({}, "tokens", "Give one"),
    ],
)
def test_a_limit_that_is_not_raised_within_the_bounds_is_refused_by_name(start, mara, asked, field, hint):
    run = start()
    with pytest.raises(InvalidInput) as refused:
        raise_budget(run_id=run.pk, actor=mara, **asked)
    assert hint in str(refused.value.details["fields"][field])
    assert Run.objects.get().limit_tokens == 200_000


def test_a_run_that_ended_for_another_reason_keeps_its_limits(start, mara):
    run = start()
    cancel_run(run_id=run.pk, actor=mara)
    with pytest.raises(Conflict, match="not for its budget"):
        raise_budget(run_id=run.pk, actor=mara, tokens=300_000)


# --- schedule and priority ---


def test_a_scheduled_run_begins_at_its_time_and_not_before(model, start, work, mara):
    run = start()
    at = timezone.now() + timedelta(days=3)
    schedule_run(run_id=run.pk, actor=mara, at=at)
    assert Job.objects.get().scheduled_at == at
    assert newest(run, "run_scheduled").data == {"scheduled_at": at.isoformat()}
    assert newest(run, "run_scheduled").actor == mara
    assert work() == 0
    schedule_run(run_id=run.pk, actor=mara, at=timezone.now() - timedelta(days=3))
    assert newest(run, "run_scheduled").data == {"scheduled_at": None}
    assert work() == 1, "a time that has passed means now"


def test_a_run_can_be_started_for_later(model, start, work):
    at = timezone.now() + timedelta(hours=1)
    run = start(scheduled_at=at)
    assert (Job.objects.get().scheduled_at, work()) == (at, 0)
    assert newest(run, "run_queued").data["scheduled_at"] == at.isoformat()


def test_a_time_that_has_passed_before_the_start_means_now(model, start, work):
    start(scheduled_at=timezone.now() - timedelta(hours=1))
    assert work() == 1


def test_a_run_started_for_later_sends_no_hint_and_one_for_now_does(start, monkeypatch):
    sent = []
    monkeypatch.setattr(queue, "hint", lambda times=1: sent.append(times))
    start(scheduled_at=timezone.now() + timedelta(hours=1))
    assert sent == []
    start()
    assert sent == [1]


@pytest.mark.parametrize(
    ("at", "hint"),
    [
        (datetime(2027, 1, 31, 8), "with its offset"),
        (timezone.now() + timedelta(days=400), "within a year"),
    ],
)
def test_a_time_that_does_not_fit_is_refused(start, mara, at, hint):
    run = start()
    with pytest.raises(InvalidInput) as refused:
        schedule_run(run_id=run.pk, actor=mara, at=at)
    assert hint in refused.value.details["fields"]["at"][0]
    with pytest.raises(InvalidInput) as refused:
        start(scheduled_at=at)
    assert hint in refused.value.details["fields"]["scheduled_at"][0]
    assert Run.objects.count() == 1


def test_a_run_without_a_job_in_the_queue_cannot_be_scheduled(model, start, work, mara):
    at = timezone.now() + timedelta(days=1)
    run = start()
    queue.claim()
    with pytest.raises(Conflict, match="A worker is at this run"):
        schedule_run(run_id=run.pk, actor=mara, at=at)
    waiting = start()
    work()
    with pytest.raises(Conflict, match="waits for its report"):
        schedule_run(run_id=waiting.pk, actor=mara, at=at)
    cancel_run(run_id=waiting.pk, actor=mara)
    with pytest.raises(Conflict, match="has ended"):
        schedule_run(run_id=waiting.pk, actor=mara, at=at)


def test_a_run_whose_worker_is_lost_after_a_cancel_was_asked_for_is_cancelled_and_not_queued(start, mara):
    run = start()
    queue.claim()
    cancel_run(run_id=run.pk, actor=mara)
    Job.objects.update(lease_expires_at=run.created_at)
    assert recovery.give_back(Job.objects.get())
    run.refresh_from_db()
    assert (run.status, Job.objects.get().state) == ("cancelled", "cancelled")


def test_a_more_urgent_run_is_claimed_first(start, mara):
    start()
    urgent = start()
    run = prioritise_run(run_id=urgent.pk, actor=mara, priority=1)
    assert (run.priority, Job.objects.get(run=run).priority) == (1, 1)
    assert newest(run, "priority_changed").data == {"before": 5, "after": 1}
    assert newest(run, "priority_changed").actor == mara
    assert queue.claim().run_id == urgent.pk


def test_the_rest_of_a_run_has_its_new_priority(model, start, work, settings, mara):
    settings.ENV = settings.ENV.model_copy(update={"autonomy_slice_seconds": 0})
    run = start()
    claim = queue.claim()
    prioritise_run(run_id=run.pk, actor=mara, priority=8)
    step.execute(claim)
    assert Job.objects.get(state="queued").priority == 8


def test_a_priority_beyond_nine_and_that_of_an_ended_run_are_refused(start, mara):
    run = start()
    with pytest.raises(InvalidInput) as refused:
        prioritise_run(run_id=run.pk, actor=mara, priority=10)
    assert "priority" in refused.value.details["fields"]
    cancel_run(run_id=run.pk, actor=mara)
    with pytest.raises(Conflict):
        prioritise_run(run_id=run.pk, actor=mara, priority=1)


# --- together ---


def test_a_claim_passes_by_a_run_that_somebody_is_cancelling(start, mara):
    """The request holds the run's row: no worker can take the run between the look and the end."""
    run = start()
    claimed = []

    def claim():
        claimed.append(queue.claim())
        connection.close()

    with transaction.atomic():
        cancel_run(run_id=run.pk, actor=mara)
        worker = threading.Thread(target=claim)
        worker.start()
        worker.join()
    assert claimed == [None]
    run.refresh_from_db()
    assert run.status == "cancelled"

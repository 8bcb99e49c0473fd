"""Races between people, reports and workers: each order of events ends in what was promised."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from autonomy.errors import Conflict, InvalidInput, ProviderUnavailable
from autonomy.models import Checkpoint, Episode, Job, Run, statements
from autonomy.runtime import commit, queue, recovery, retention, step
from autonomy.services import fork_run as forking
from autonomy.services.cancel_run import cancel_run
from autonomy.services.prioritise_run import prioritise_run
from autonomy.services.raise_budget import raise_budget
from autonomy.services.retry_run import retry_run
from autonomy.services.schedule_run import schedule_run
from autonomy.tests import quick as journey
from autonomy.tests.factories import UserFactory
from turnitin.deliver_report import deliver_report
from turnitin.models import Cycle, Report

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def mara():
    return UserFactory(username="mara", is_staff=True)


def in_thread(task):
    def closing():
        try:
            task()
        finally:
            connections.close_all()

    thread = threading.Thread(target=closing)
    thread.start()
    return thread


def waits_for_a_lock():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        return cursor.fetchone()[0] > 0


def deliver(run, similarity, url="https://reports.example.org/1"):
    cycle = Cycle.objects.filter(run=run).latest("number")
    return deliver_report(run_id=run.pk, cycle_id=cycle.pk, report_url=url, observed_similarity=similarity, actor=None)


def lose_every_worker(kind):
    while Job.objects.filter(kind=kind, state="queued").exists():
        Job.objects.update(scheduled_at=timezone.now())
        queue.claim()
        Job.objects.filter(state="running").update(lease_expires_at=timezone.now() - timedelta(seconds=1))
        recovery.recover()


# --- a commit that waited for the run's row ---


def test_a_priority_set_while_the_commit_waits_holds_for_the_rest_of_the_run(quick, env, mara):
    env(autonomy_slice_seconds=0)
    run = quick()
    claim = queue.claim()
    holding, go = threading.Event(), threading.Event()

    def prioritise():
        with transaction.atomic():
            prioritise_run(run_id=run.pk, actor=mara, priority=0)
            holding.set()
            go.wait(20)

    def ready(run_id):
        journey.inside.clear()
        threads.append(in_thread(prioritise))
        holding.wait(20)
        threads.append(in_thread(let_go_when_the_commit_waits))

    def let_go_when_the_commit_waits():
        until = time.monotonic() + 10
        while time.monotonic() < until and not waits_for_a_lock():
            time.sleep(0.02)
        go.set()

    threads = []
    journey.inside["plan"] = ready
    step.execute(claim)
    for thread in threads:
        thread.join()
    run.refresh_from_db()
    assert (run.status, run.priority) == ("queued", 0)
    assert Job.objects.get(run=run, state="queued").priority == 0


# --- a claim whose look at the queue is older than its locks ---


def test_a_run_that_was_scheduled_for_later_is_not_claimed_by_a_look_from_before(quick, mara, monkeypatch):
    """The look is made to last a second; the window is there without that, only shorter."""
    run = quick()
    slow = statements.CLAIM.replace(
        "WHERE j.state = 'queued' AND j.scheduled_at <= now() AND r.ended_at IS NULL",
        "CROSS JOIN (SELECT pg_sleep(1) OFFSET 0) slept "
        "WHERE j.state = 'queued' AND j.scheduled_at <= now() AND r.ended_at IS NULL",
    )
    assert slow != statements.CLAIM
    monkeypatch.setattr(statements, "CLAIM", slow)
    claims = []
    claiming = in_thread(lambda: claims.append(queue.claim()))
    time.sleep(0.4)
    schedule_run(run_id=run.pk, actor=mara, at=timezone.now() + timedelta(days=1))
    claiming.join()
    assert claims == [None]


# --- limits raised between the look and the end ---


def test_a_run_whose_limit_is_raised_just_before_it_ends_for_that_goes_on(model, start, mara, monkeypatch):
    model.usage = (30, 20)
    run = start(task_spec={"limits": {"tokens": 50}})
    real = commit.budget_exceeded

    def raised_first(claim, episode):
        raise_budget(run_id=run.pk, actor=mara, tokens=100_000)
        monkeypatch.setattr(commit, "budget_exceeded", real)
        real(claim, episode)

    monkeypatch.setattr(commit, "budget_exceeded", raised_first)
    while claim := queue.claim():
        step.execute(claim)
    run.refresh_from_db()
    assert (run.status, run.outcome, run.limit_tokens) == ("waiting_human", "", 100_000)


# --- cancel ---


def test_a_cancel_asked_for_during_an_attempt_that_fails_is_honoured_with_the_failure(model, start, mara):
    run = start()

    def down(request):
        cancel_run(run_id=run.pk, actor=mara)
        raise ProviderUnavailable("Come back in an hour.", retry_after=3600)

    model.before = down
    step.execute(queue.claim())
    run.refresh_from_db()
    assert run.status == "cancelled"


def test_a_cancel_asked_for_in_the_last_superstep_of_a_turn_is_honoured_with_its_commit(quick, env, mara):
    env(autonomy_slice_seconds=0)
    run = quick()
    journey.inside["plan"] = lambda run_id: cancel_run(run_id=run.pk, actor=mara)
    step.execute(queue.claim())
    run.refresh_from_db()
    assert run.status == "cancelled"


def test_a_cancel_is_honoured_when_a_stopping_worker_gives_the_run_back(quick, mara):
    run = quick()
    claim = queue.claim()
    cancel_run(run_id=run.pk, actor=mara)
    commit.given_back(claim)
    run.refresh_from_db()
    assert run.status == "cancelled"


# --- reports ---


def test_a_report_is_corrected_after_a_retry_as_long_as_nobody_read_it(model, start, work, mara):
    run = start()
    work()
    deliver(run, 0.5)
    lose_every_worker("resume")
    assert retry_run(run_id=run.pk, actor=mara).status == "queued"
    deliver(run, 0.1, url="https://reports.example.org/2")
    work()
    run.refresh_from_db()
    assert run.outcome == "accepted"


def test_a_report_that_comes_while_the_run_stands_failed_is_there_when_it_is_retried(quick, work, mara):
    run = quick()
    work()
    queue.enqueue_resume(run.pk)
    lose_every_worker("resume")
    assert Run.objects.get(pk=run.pk).status == "failed"
    deliver(run, 0.1)
    assert Run.objects.get(pk=run.pk).status == "failed", "a report does not retry a run"
    retry_run(run_id=run.pk, actor=mara)
    work()
    run.refresh_from_db()
    assert run.outcome == "accepted"


def test_another_figure_for_a_run_that_stands_failed_corrects_the_first(model, start, work, mara):
    run = start()
    work()
    deliver(run, 0.5)
    lose_every_worker("resume")
    deliver(run, 0.1, url="https://reports.example.org/2")
    retry_run(run_id=run.pk, actor=mara)
    work()
    run.refresh_from_db()
    assert run.outcome == "accepted"


def test_a_report_that_comes_while_a_worker_finds_nothing_to_resume_with_is_used(quick, work):
    run = quick()
    work()
    queue.enqueue_resume(run.pk)
    claim = queue.claim()
    real = commit.nothing_to_resume

    def after_the_report(*arguments):
        deliver(run, 0.1)
        real(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commit, "nothing_to_resume", after_the_report)
        step.execute(claim)
    work()
    run.refresh_from_db()
    assert run.outcome == "accepted"


def test_a_refused_report_lends_its_address_to_no_other_figure(quick, work):
    run = quick()
    work()
    deliver(run, 0.1, url="https://reports.example.org/first")
    claim = queue.claim()
    with pytest.raises(Conflict):
        deliver(run, 0.9, url="https://reports.example.org/second")
    step.execute(claim)
    from autonomy.selectors.runs import snapshot

    run.refresh_from_db()
    observed = snapshot(run)["last_observation"]
    assert Report.objects.get(too_late=True).report_url.endswith("second")
    assert observed["observed_similarity"] == 0.1
    assert observed["report_url"] == "https://reports.example.org/first"


# --- the log ---


def test_a_run_that_a_stopping_worker_gave_back_is_told_to_start_once(quick, work):
    run = quick()
    journey.inside["draft"] = lambda run_id: (journey.inside.clear(), commit.given_back(claim))
    claim = queue.claim()
    # Before the first superstep is committed the attempt is the first one; afterwards it is set back to the first.
    step.execute(claim)
    work()
    kinds = list(Episode.objects.filter(run=run).order_by("seq").values_list("kind", flat=True))
    assert kinds.count("run_started") == 1


# --- an end beside a job in the queue ---


def test_jobs_of_ended_runs_do_not_stand_in_their_owners_way(quick, work):
    owner = UserFactory()
    for _ in range(3):
        run = quick(owner=owner)
        work()
        deliver(run, 0.1)
        work()
        queue.enqueue_resume(run.pk, priority=0)  # somebody resumes again, after the end
    new = quick(owner=owner)
    work()
    new.refresh_from_db()
    assert new.status == "waiting_human"


# --- retention beside a fork ---


def test_a_fork_of_a_checkpoint_that_is_pruned_meanwhile_is_refused_and_leaves_nothing(quick, work, env, monkeypatch):
    env(autonomy_keep_checkpoints=1)
    run = quick()
    work()
    deliver(run, 0.1)
    work()
    Run.objects.update(ended_at=timezone.now() - timedelta(hours=1))
    old = Checkpoint.objects.filter(run=run).order_by("checkpoint_id")[2].checkpoint_id
    real = forking.copy_sources

    def pruned_meanwhile(origin, fork):
        in_thread(retention.prune).join()
        real(origin, fork)

    monkeypatch.setattr(forking, "copy_sources", pruned_meanwhile)
    with pytest.raises(InvalidInput, match="no such checkpoint"):
        forking.fork_run(run_id=run.pk, actor=UserFactory(), checkpoint_id=old, patch={"route": "plan"})
    assert list(Run.objects.all()) == [run]

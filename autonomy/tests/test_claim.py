"""Who comes next: urgency, then fairness between users, then age; and never more than the limits allow."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from autonomy.models import Job, Run
from autonomy.runtime import queue
from autonomy.tests.factories import RunFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def limits(settings):
    def limit(**changes):
        settings.ENV = settings.ENV.model_copy(update={f"autonomy_running_{name}": n for name, n in changes.items()})

    return limit


def enqueue(user, count=1, minutes_ago=0, **fields):
    jobs = []
    for _ in range(count):
        run = RunFactory(user=user)
        jobs.append(queue.enqueue_start(run.pk, user.pk, run.journey, fields.get("priority", 5)))
    due = timezone.now() - timedelta(minutes=minutes_ago)
    Job.objects.filter(pk__in=[job.pk for job in jobs]).update(scheduled_at=due)
    return jobs


def claimed_users():
    users = []
    while claim := queue.claim():
        users.append(Job.objects.get(pk=claim.job_id).user_id)
    return users


def test_a_job_belongs_to_its_run_s_owner():
    run = RunFactory()
    queue.enqueue_start(run.pk, run.user_id, run.journey)
    queue.enqueue_resume(run.pk)
    queue.enqueue_continue(run.pk, 5)
    assert set(Job.objects.values_list("user_id", flat=True)) == {run.user_id}


def test_a_user_with_a_long_queue_does_not_starve_one_who_comes_later():
    many, few = UserFactory(), UserFactory()
    enqueue(many, 5, minutes_ago=60)
    enqueue(few, 2)
    assert claimed_users() == [many.pk, few.pk, many.pk, few.pk, many.pk, many.pk, many.pk]


def test_urgency_goes_before_fairness():
    many, few = UserFactory(), UserFactory()
    enqueue(many, 2, priority=1)
    enqueue(few, 1, minutes_ago=60)
    assert claimed_users() == [many.pk, many.pk, few.pk]


def test_a_user_at_the_limit_waits_and_lets_the_others_pass(limits):
    limits(per_user=2)
    many, few = UserFactory(), UserFactory()
    enqueue(many, 5, minutes_ago=60, priority=0)
    enqueue(few, 1)
    assert claimed_users() == [many.pk, many.pk, few.pk]
    first = Job.objects.filter(user=many, state="running").first()
    Job.objects.filter(pk=first.pk).update(
        state="done", lease_token=None, lease_expires_at=None, finished_at=timezone.now()
    )
    assert claimed_users() == [many.pk], "a place that is free again is taken"


def test_no_more_runs_than_the_limit_for_all(limits):
    limits(at_all=3)
    for _ in range(5):
        enqueue(UserFactory())
    assert len(claimed_users()) == 3


def test_workers_that_claim_at_the_same_instant_keep_to_the_limit(limits):
    limits(per_user=3)
    enqueue(UserFactory(), 20)
    together = threading.Barrier(8)
    claims = []

    def worker():
        together.wait()
        claims.append(queue.claim())
        connections.close_all()

    threads = [threading.Thread(target=worker) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([claim for claim in claims if claim]) == 3


def test_a_run_somebody_holds_is_passed_over_and_not_waited_for():
    first, second = enqueue(UserFactory(), minutes_ago=9)[0], enqueue(UserFactory())[0]
    held, claimed = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic():
            Run.objects.select_for_update().get(pk=first.run_id)
            held.set()
            claimed.wait(20)
        connections.close_all()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(20)
    try:
        assert queue.claim().job_id == second.pk
        assert queue.claim() is None
    finally:
        claimed.set()
        thread.join()
    assert queue.claim().job_id == first.pk


def test_a_resume_that_is_enqueued_while_another_one_is_not_committed_yet_is_the_same_job():
    run = RunFactory()
    jobs, written = [], threading.Event()

    def later():
        written.wait(20)
        jobs.append(queue.enqueue_resume(run.pk))
        connections.close_all()

    thread = threading.Thread(target=later)
    thread.start()
    with transaction.atomic():
        jobs.append(queue.enqueue_resume(run.pk))
        written.set()
        thread.join(1)
        assert thread.is_alive(), "the index has it wait"
    thread.join(20)
    assert jobs[0] == jobs[1]


def test_the_claim_is_one_round_trip(tmp_path):
    enqueue(UserFactory(), 4)
    for _ in range(3):  # until the connection has it prepared
        queue.claim()
    with connection.cursor() as cursor, (tmp_path / "wire").open("w") as wire:
        cursor.connection.pgconn.trace(wire.fileno())
        assert queue.claim()
        cursor.connection.pgconn.untrace()
    assert (tmp_path / "wire").read_text().count("ReadyForQuery") == 1

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.utils import timezone

from autonomy.models import Checkpoint, Episode, Job, Run
from autonomy.runtime import queue, recovery
from autonomy.runtime.seeding import seed
from autonomy.tests.factories import RunFactory

pytestmark = pytest.mark.django_db(transaction=True)


def start_job(**fields):
    run = RunFactory()
    job = queue.enqueue_start(run.pk, run.user_id, run.journey, fields.pop("priority", 5))
    Job.objects.filter(pk=job.pk).update(**fields)
    return job


def test_the_most_urgent_due_job_is_claimed_first_and_then_the_oldest():
    now = timezone.now()
    late = start_job(priority=5, scheduled_at=now - timedelta(minutes=1))
    early = start_job(priority=5, scheduled_at=now - timedelta(minutes=2))
    urgent = start_job(priority=1, scheduled_at=now)
    start_job(priority=0, scheduled_at=now + timedelta(hours=1))
    claimed = [queue.claim().job_id for _ in range(3)]
    assert claimed == [urgent.pk, early.pk, late.pk]
    assert queue.claim() is None, "a job that is not due is not claimed"


def test_a_claim_carries_a_lease_and_the_worker_s_name():
    job = start_job()
    claim = queue.claim()
    job.refresh_from_db()
    assert (job.state, job.attempt, job.lease_token) == ("running", 1, claim.token)
    assert job.lease_expires_at > timezone.now()
    assert job.worker == queue.worker_name()
    assert Run.objects.get(pk=job.run_id).status == "running"


def test_a_run_with_a_running_job_gets_no_second_worker():
    job = start_job()
    queue.claim()
    queue.enqueue_continue(job.run_id, 0)
    assert queue.claim() is None


def test_many_workers_claiming_at_once_never_get_the_same_job():
    jobs = {start_job().pk for _ in range(12)}
    claimed: list[int] = []

    def worker():
        while claim := queue.claim():
            claimed.append(claim.job_id)
        connections.close_all()

    threads = [threading.Thread(target=worker) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == sorted(jobs)


def test_a_start_that_is_enqueued_twice_is_one_job():
    run = RunFactory()
    first = queue.enqueue_start(run.pk, run.user_id, run.journey)
    assert queue.enqueue_start(run.pk, run.user_id, run.journey).pk == first.pk
    assert (first.priority, queue.enqueue_resume(run.pk).priority) == (5, 4)


def test_a_start_for_somebody_else_s_run_is_refused():
    run = RunFactory()
    with pytest.raises(Run.DoesNotExist):
        queue.enqueue_start(run.pk, run.user_id + 1, run.journey)


def test_a_seed_is_written_once_and_later_seeds_change_nothing():
    run = RunFactory()
    first = seed(run.pk, {"run_id": str(run.pk), "journey": "essay", "route": "plan"})
    again = seed(run.pk, {"run_id": str(run.pk), "journey": "essay", "route": "critic"})
    assert first == again
    assert Checkpoint.objects.count() == 1


@pytest.mark.parametrize(
    ("rule", "fields"),
    [
        ("job_state_valid", {"state": "sleeping"}),
        ("job_kind_valid", {"kind": "dance"}),
        ("job_running_iff_leased", {"state": "running"}),
        ("job_finished_iff_over", {"state": "done"}),
        ("job_attempts_bounded", {"attempt": 99}),
        ("job_priority_in_0_to_9", {"priority": 10}),
    ],
)
def test_the_database_refuses_a_job_that_breaks(rule, fields):
    job = start_job()
    with pytest.raises(IntegrityError, match=rule), transaction.atomic():
        Job.objects.filter(pk=job.pk).update(**fields)


@pytest.mark.parametrize(
    ("rule", "fields"),
    [
        ("run_status_valid", {"status": "paused"}),
        ("run_ended_iff_finished", {"status": "done"}),
        ("run_ended_iff_finished", {"ended_at": datetime(2026, 1, 1, tzinfo=UTC)}),
        ("run_target_similarity_is_fraction", {"target_similarity": 15}),
        ("run_route_valid", {"route": "nowhere"}),
        ("run_limits_positive", {"limit_tokens": 0}),
        ("run_revision_bounded", {"revision": 4}),
    ],
)
def test_the_database_refuses_a_run_that_breaks(rule, fields):
    run = RunFactory()
    with pytest.raises(IntegrityError, match=rule), transaction.atomic():
        Run.objects.filter(pk=run.pk).update(**fields)


def expire(job):
    Job.objects.filter(pk=job.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    job.refresh_from_db()


def test_an_expired_lease_goes_back_to_the_queue_with_an_episode():
    job = start_job()
    queue.claim()
    expire(job)
    recovery.recover()
    job.refresh_from_db()
    assert (job.state, job.lease_token) == ("queued", None)
    episode = Episode.objects.get(run=job.run_id, kind="lease_expired")
    assert queue.worker_name() in episode.message
    assert queue.claim().attempt == 2


@pytest.mark.parametrize(("ago", "counted"), [(30, 19), (5, 0)], ids=["renewed its lease", "never renewed it"])
def test_the_seconds_of_a_worker_that_died_count_up_to_its_last_sign_of_life(settings, ago, counted):
    settings.ENV = settings.ENV.model_copy(update={"autonomy_lease_seconds": 10.0})
    job = start_job()
    queue.claim()
    now = timezone.now()
    Run.objects.filter(pk=job.run_id).update(updated_at=now - timedelta(seconds=ago))
    Job.objects.filter(pk=job.pk).update(lease_expires_at=now - timedelta(seconds=1))
    recovery.recover()
    assert Run.objects.get(pk=job.run_id).spent_seconds == pytest.approx(counted)


def test_a_lease_that_stands_is_left_alone():
    job = start_job()
    queue.claim()
    recovery.recover()
    job.refresh_from_db()
    assert job.state == "running"


def test_many_beats_recover_a_job_once():
    job = start_job()
    queue.claim()
    expire(job)
    assert [recovery.give_back(job) for _ in range(3)] == [True, False, False]
    assert Episode.objects.filter(kind="lease_expired").count() == 1


def test_a_job_that_loses_every_worker_fails_its_run_with_the_reason():
    job = start_job(max_attempts=2)
    for _ in range(2):
        Job.objects.filter(pk=job.pk, state="queued").update(scheduled_at=timezone.now())
        queue.claim()
        expire(job)
        recovery.recover()
    job.refresh_from_db()
    run = Run.objects.get(pk=job.run_id)
    assert (job.state, run.status, run.outcome) == ("failed", "failed", "failed")
    assert "was lost in attempt 2 of 2" in run.reason


def test_a_start_goes_through_while_redis_is_away(settings, monkeypatch):
    settings.REDIS_OPTIONS = {**settings.REDIS_OPTIONS, "unix_socket_path": "/nowhere/redis.sock"}
    queue._redis.cache_clear()
    sent = []
    monkeypatch.setattr("celery.current_app.send_task", lambda *args, **options: sent.append(args))
    try:
        job = start_job()
        assert (job.state, sent) == ("queued", [])
    finally:
        queue._redis.cache_clear()


def test_runs_to_cancel_are_found_by_an_index():
    wanted = Run.objects.filter(cancel_requested_at__isnull=False, ended_at=None).values_list("pk", flat=True)
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        try:
            assert "run_to_cancel" in wanted.explain()
        finally:
            cursor.execute("RESET enable_seqscan")

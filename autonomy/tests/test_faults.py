"""What becomes of a run when processes are killed, stopped, told to stop, or overtaken by a wish to cancel.

Real Celery workers; their language model is played, and answers when the test lets it.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from autonomy import tasks
from autonomy.demo.stage import Request, Stage
from autonomy.models import Checkpoint, Episode, Job, ProviderCall, Run
from autonomy.runtime import queue, recovery, step
from autonomy.tests import quick as journey
from autonomy.tests.test_worker import assert_told_completely, celery, start_samples, status, wait_until

__all__ = ["celery"]

pytestmark = pytest.mark.django_db(transaction=True)


class SlowModel:
    """A vendor on the stage that answers rightly, once it is let go."""

    def __init__(self, stage: Stage) -> None:
        self.asked = threading.Semaphore(0)
        self.go = threading.Event()
        self.environment = {"OPENAI_BASE_URL": f"{stage.at('openai')}/v1", "OPENAI_API_KEY": "sk-none"}
        self._vendor = stage.provider("openai")
        self._vendor.before = self._hold

    @property
    def requests(self) -> int:
        return len(self._vendor.requests)

    def _hold(self, request: Request) -> None:
        self.asked.release()
        self.go.wait(60)


@pytest.fixture
def slow(vendors_stage) -> Iterator[SlowModel]:
    model = SlowModel(vendors_stage)
    yield model
    model.go.set()


DEFAULTS = {"AUTONOMY_LEASE_SECONDS": "10", "AUTONOMY_HEARTBEAT_SECONDS": "2.5", "AUTONOMY_RECOVERY_SECONDS": "2"}


def test_at_default_settings_a_run_whose_worker_is_killed_in_a_node_moves_on_within_15_seconds(celery, start, slow):
    run = start_samples(start)
    celery("beat", **DEFAULTS)
    victim = celery("worker", "-c", "1", **DEFAULTS, **slow.environment)
    assert slow.asked.acquire(timeout=40)
    os.killpg(victim.pid, signal.SIGKILL)
    celery("worker", "-c", "1", **DEFAULTS)
    wait_until(lambda: Run.objects.get(pk=run.pk).supersteps >= 1, seconds=15)
    wait_until(lambda: status(run) == "waiting_human")
    assert_told_completely(run)
    assert [e.node for e in Episode.objects.filter(run=run, kind="lease_expired")] == ["plan"]


def test_a_worker_that_slept_past_its_lease_writes_nothing_but_what_its_call_cost(celery, start, slow, tmp_path):
    run = start_samples(start)
    zombie = celery("worker", "-c", "1", **slow.environment)
    assert slow.asked.acquire(timeout=40)
    os.killpg(zombie.pid, signal.SIGSTOP)
    celery("beat")
    celery("worker", "-c", "1")
    wait_until(lambda: status(run) == "waiting_human")

    def written():
        episodes = list(Episode.objects.filter(run=run).order_by("seq").values())
        checkpoints = list(Checkpoint.objects.filter(run=run).order_by("checkpoint_id").values())
        jobs = list(Job.objects.filter(run=run).values())
        row = Run.objects.filter(pk=run.pk).values("status", "route", "supersteps", "spent_seconds", "last_seq").get()
        return episodes, checkpoints, jobs, row

    before = written()
    slow.go.set()
    os.killpg(zombie.pid, signal.SIGCONT)
    wait_until(lambda: ProviderCall.objects.filter(run=run, provider="openai", outcome="ok").exists())
    wait_until(lambda: "lease_lost" in (tmp_path / "worker-0.log").read_text())
    assert written() == before
    assert_told_completely(run)


def test_what_a_call_cost_is_counted_though_its_worker_is_killed_before_the_commit(celery, start, slow):
    run = start_samples(start)
    victim = celery("worker", "-c", "1", **slow.environment)
    assert slow.asked.acquire(timeout=40)
    with transaction.atomic():
        # The ledger does not touch the job's row, and the commit does: here it waits, and here the worker dies.
        Job.objects.select_for_update().get(run=run)
        slow.go.set()
        other = connections.create_connection("default")
        try:
            ledger = "SELECT count(*) FROM autonomy_provider_calls WHERE outcome = 'ok'"
            wait_until(lambda: first_value(other, ledger) == 1)
            waiting = (
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%put_blobs%'"
            )
            wait_until(lambda: first_value(other, waiting) == 1)
            os.killpg(victim.pid, signal.SIGKILL)
        finally:
            other.close()
    call = ProviderCall.objects.get(run=run)
    run.refresh_from_db()
    assert (run.supersteps, run.route) == (0, "plan"), "nothing of the superstep was committed"
    assert run.spent_tokens == call.tokens_in + call.tokens_out > 0
    celery("beat")
    celery("worker", "-c", "1")
    wait_until(lambda: status(run) == "waiting_human")
    calls = ProviderCall.objects.filter(run=run)
    assert calls.filter(node="plan").count() == 2
    assert run.spent_tokens == sum(call.tokens_in + call.tokens_out for call in calls)
    assert run.reserved_tokens == 0
    assert_told_completely(run)


def first_value(database: BaseDatabaseWrapper, query: str) -> int:
    with database.cursor() as cursor:
        cursor.execute(query)
        return int(cursor.fetchone()[0])


def test_what_a_killed_worker_had_under_way_is_counted_as_the_most_it_can_cost(celery, start, slow):
    run = start_samples(start)
    victim = celery("worker", "-c", "1", **slow.environment)
    assert slow.asked.acquire(timeout=40)
    os.killpg(victim.pid, signal.SIGKILL)
    run.refresh_from_db()
    assert (run.spent_tokens, run.reserved_tokens > 2000) == (0, True)
    ProviderCall.objects.update(created_at=timezone.now() - timedelta(hours=1))
    recovery.recover()
    reserved = run.reserved_tokens
    run.refresh_from_db()
    assert (run.spent_tokens, run.reserved_tokens) == (reserved, 0)
    assert ProviderCall.objects.get(run=run).outcome == "lost"


def test_a_cancel_during_a_long_call_ends_the_run_when_the_call_returns_and_nothing_else_is_asked(celery, start, slow):
    run = start_samples(start)
    celery("worker", "-c", "1", **slow.environment)
    assert slow.asked.acquire(timeout=40)
    Run.objects.filter(pk=run.pk).update(cancel_requested_at=timezone.now())
    slow.go.set()
    wait_until(lambda: status(run) == "cancelled", seconds=2)
    time.sleep(1)
    assert slow.requests == 1
    assert not Job.objects.filter(run=run, state__in=["queued", "running"]).exists()
    assert Episode.objects.filter(run=run).order_by("seq").last().kind == "run_cancelled"
    assert_told_completely(run)


def test_a_worker_told_to_stop_gives_back_what_it_cannot_finish_in_time(celery, start, slow):
    run = start_samples(start)
    worker = celery(
        "worker", "-c", "1", AUTONOMY_DRAIN_SECONDS="0.5", AUTONOMY_PROVIDER_TIMEOUT="3", **slow.environment
    )
    assert slow.asked.acquire(timeout=40)
    worker.terminate()
    wait_until(lambda: Job.objects.get(run=run).state == "queued", seconds=5)
    job = Job.objects.get(run=run)
    assert (job.attempt, job.lease_token) == (0, None)
    assert Episode.objects.get(run=run, kind="step_given_back").node == "plan"
    assert worker.wait(30) == 0
    assert not Episode.objects.filter(run=run, kind="lease_expired").exists()
    celery("worker", "-c", "1")
    queue.hint()
    wait_until(lambda: status(run) == "waiting_human")
    assert_told_completely(run)


@pytest.mark.parametrize("taken_over", [False, True])
def test_a_commit_whose_lease_is_gone_writes_nothing(quick, taken_over):
    run = quick()
    claim = queue.claim()

    def lose(run_id):
        Job.objects.update(lease_expires_at=run.created_at)
        recovery.give_back(Job.objects.get())
        if taken_over:
            assert queue.claim().token != claim.token

    journey.inside["plan"] = lose
    step.execute(claim)
    run.refresh_from_db()
    assert (run.supersteps, run.route) == (0, "plan")
    assert Checkpoint.objects.filter(run=run).count() == 1, "the seed"
    told = Episode.objects.filter(run=run).order_by("seq").values_list("kind", flat=True)
    assert list(told) == ["run_queued", "run_started", "lease_expired"]
    assert Job.objects.get().state == ("running" if taken_over else "queued")


def test_recovery_waits_for_nobody_who_holds_a_run(quick):
    held, other = quick(), quick()
    for _ in range(2):
        queue.claim()
    Job.objects.update(lease_expires_at=held.created_at)
    ready, done = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic():
            Run.objects.select_for_update().get(pk=held.pk)
            ready.set()
            done.wait(30)
        connections.close_all()

    thread = threading.Thread(target=hold)
    thread.start()
    ready.wait(30)
    try:
        recovery.recover()
        assert Job.objects.get(run=other).state == "queued"
        assert Job.objects.get(run=held).state == "running"
    finally:
        done.set()
        thread.join()
    recovery.recover()
    assert Job.objects.get(run=held).state == "queued"


def test_a_session_that_stops_in_the_middle_of_a_transaction_is_ended_by_postgres():
    with connections["default"].cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("10s",)


def test_a_cancel_whose_worker_died_is_carried_out_by_recovery(quick, work):
    run = quick()
    queue.claim()
    Run.objects.filter(pk=run.pk).update(cancel_requested_at=timezone.now())
    recovery.recover()
    assert status(run) == "running", "a worker that lives does it itself"
    Job.objects.update(lease_expires_at=run.created_at)
    recovery.recover()
    assert status(run) == "cancelled"
    assert not Job.objects.filter(state__in=["queued", "running"]).exists()


def test_a_worker_with_much_to_do_looks_for_lost_work_between_two_jobs(quick, monkeypatch):
    lost = quick()
    queue.claim()
    Job.objects.update(lease_expires_at=lost.created_at)
    others = [quick() for _ in range(2)]
    monkeypatch.setattr(recovery, "_last", 0.0)
    tasks.execute_next()
    assert {status(run) for run in (lost, *others)} == {"waiting_human"}


def test_a_worker_s_parent_holds_no_connection_that_its_children_could_share(celery, start, slow):
    start_samples(start)
    worker = celery("worker", "-c", "2", **slow.environment)
    assert slow.asked.acquire(timeout=40)
    with connection.cursor() as cursor:
        cursor.execute("SHOW unix_socket_directories")
        (folder,) = cursor.fetchone()
    listed = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()]
    postgres = {fields[6] for fields in listed if len(fields) > 7 and fields[7].startswith(folder)}
    held = {os.readlink(file) for file in Path(f"/proc/{worker.pid}/fd").iterdir()}
    assert not held & {f"socket:[{inode}]" for inode in postgres}

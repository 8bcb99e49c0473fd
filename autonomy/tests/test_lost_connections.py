"""Connections that break or are ended, and what becomes of money and runs then."""

from __future__ import annotations

import time

import psycopg
import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from autonomy.models import Episode, Job, ProviderCall, statements
from autonomy.runtime import draining, queue, step
from autonomy.runtime.unit_of_work import UnitOfWork
from autonomy.tests import quick as journey

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_session_outlives_its_test():
    yield
    connection.close()
    connection.close_pool()


def backend():
    connection.ensure_connection()
    return connection.connection.info.backend_pid


def end_session(pid):
    """As a restarted Postgres, a failover or a firewall does; another session can be opened at once."""
    params = connection.get_connection_params()
    params = {k: v for k, v in params.items() if k in ("dbname", "user", "password", "host", "port")}
    with psycopg.connect(**params, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [pid])
    time.sleep(0.1)


def test_a_call_that_was_paid_is_in_the_ledger_though_the_connection_broke_while_it_was_under_way(model, start):
    run = start()
    calls = []

    def paid(request):
        calls.append(request)
        if len(calls) == 1:
            end_session(backend())

    model.before = paid
    step.execute(queue.claim())
    Job.objects.filter(state="queued").update(scheduled_at=timezone.now())
    while claim := queue.claim():
        step.execute(claim)
    run.refresh_from_db()
    assert run.status == "waiting_human"
    assert ProviderCall.objects.filter(run=run).count() == len(calls)
    assert run.spent_tokens == 15 * len(calls)


def test_a_commit_whose_acknowledgement_is_lost_counts_its_seconds_once_and_tells_of_no_failure(quick, monkeypatch):
    run = quick()
    journey.inside["plan"] = lambda run_id: time.sleep(0.5)
    real = statements.execute

    def acknowledged_by_nobody(statement, parameters, **more):
        rows = real(statement, parameters, **more)
        if statement is statements.COMMIT:
            monkeypatch.setattr(statements, "execute", real)
            raise OperationalError("server closed the connection unexpectedly")
        return rows

    monkeypatch.setattr(statements, "execute", acknowledged_by_nobody)
    step.execute(queue.claim())
    run.refresh_from_db()
    assert run.supersteps == 1
    kinds = list(Episode.objects.filter(run=run).order_by("seq").values_list("kind", flat=True))
    assert run.spent_seconds < 0.9, f"counted twice; told: {kinds}"


def test_a_transaction_that_postgres_ended_because_it_stood_still_may_be_tried_again(quick):
    """What happens when the machine sleeps, or a worker is stopped, between the commit's statement and its end."""
    run = quick()
    claim = queue.claim()
    with connection.cursor() as cursor:
        cursor.execute("SET idle_in_transaction_session_timeout = '300ms'")
    real = UnitOfWork.__init__

    def with_a_pause(self, *args, **kwargs):
        real(self, *args, **kwargs)
        self.effect(lambda: (time.sleep(1), Job.objects.filter(pk=0).update(state="done")))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(UnitOfWork, "__init__", with_a_pause)
        step.execute(claim)
    run.refresh_from_db()
    assert (run.status, run.reason) == ("queued", "")


def test_a_long_commit_leaves_a_lease_that_has_not_run_out(quick, env):
    env(autonomy_lease_seconds=1.0, autonomy_heartbeat_seconds=0.3)
    quick()
    claim = queue.claim()
    seen = []
    real = UnitOfWork.__init__

    def slow_write():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(2)")

    def slow(self, *args, **kwargs):
        real(self, *args, **kwargs)
        self.effect(slow_write)

    def look(run_id):
        seen.append(Job.objects.filter(pk=claim.job_id).values_list("lease_expires_at", flat=True).get())
        seen.append(timezone.now())

    journey.inside["draft"] = look
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(UnitOfWork, "__init__", slow)
        step.execute(claim)
    assert seen[0] > seen[1], f"it ran out {(seen[1] - seen[0]).total_seconds():.1f} s ago"


def test_no_process_can_die_holding_what_tells_the_others_to_stop():
    assert not hasattr(draining._since, "get_lock")


def test_a_migration_that_changes_a_column_s_type_under_a_running_worker_does_not_fail_its_runs(quick):
    """The commit is prepared on the worker's connection; Postgres then refuses the old plan once."""
    settings = {
        k: v
        for k, v in connection.get_connection_params().items()
        if k in ("dbname", "user", "password", "host", "port")
    }

    def alter(kind):
        with psycopg.connect(**settings, autocommit=True) as other:
            other.execute(f"ALTER TABLE autonomy_runs ALTER COLUMN last_seq TYPE {kind}")

    for _ in range(3):
        quick()
        step.execute(queue.claim())
    run = quick()
    journey.inside["plan"] = lambda run_id: alter("bigint")
    try:
        step.execute(queue.claim())
        run.refresh_from_db()
        assert (run.status, run.reason) == ("queued", "")
        journey.inside.clear()
        Job.objects.filter(state="queued").update(scheduled_at=timezone.now())
        step.execute(queue.claim())
        run.refresh_from_db()
        assert run.status == "waiting_human"
    finally:
        journey.inside.clear()
        alter("integer")

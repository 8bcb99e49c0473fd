"""Everything at once on a few runs: no deadlock, no gap, no superstep twice, and nobody is left stuck."""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, connections
from django.utils import timezone

from autonomy.errors import AutonomyError, ProviderUnavailable
from autonomy.models import Checkpoint, Episode, Job, Run
from autonomy.providers import ledger
from autonomy.providers.attempt import Usage
from autonomy.runtime import commit, queue, recovery, retention, step
from autonomy.services.cancel_run import cancel_run
from autonomy.services.fork_run import fork_run
from autonomy.services.prioritise_run import prioritise_run
from autonomy.services.raise_budget import raise_budget
from autonomy.services.retry_run import retry_run
from autonomy.services.schedule_run import schedule_run
from autonomy.tests import quick as journey
from autonomy.tests.factories import UserFactory
from turnitin.deliver_report import deliver_report
from turnitin.models import Cycle

pytestmark = pytest.mark.django_db(transaction=True)

SECONDS = float(os.environ.get("FUZZ_SECONDS", "5"))
RUNS = 12


@pytest.mark.parametrize("broken_connections", [False, True])
def test_everything_at_once(quick, settings, monkeypatch, broken_connections):
    settings.ENV = settings.ENV.model_copy(
        update={
            "autonomy_slice_seconds": 0.05,
            "autonomy_lease_seconds": 0.4,
            "autonomy_heartbeat_seconds": 0.1,
            "autonomy_keep_checkpoints": 1,
            "autonomy_job_attempts": 3,
            "autonomy_running_per_user": 3,
        }
    )
    monkeypatch.setattr(commit, "RETRY_DELAY_CAP", 0.05)
    monkeypatch.setattr(recovery, "RETRY_DELAY_CAP", 0.05)
    monkeypatch.setattr(retention, "GRACE", timedelta(0))
    monkeypatch.setattr(queue, "hint", lambda times=1: None)
    owners = [UserFactory(), UserFactory()]
    mara = UserFactory(username="mara", is_staff=True)
    runs = [quick(owner=owners[i % 2]).pk for i in range(RUNS)]
    over = threading.Event()
    errors: Counter[str] = Counter()
    bad: list[str] = []

    def trouble(run_id):
        what = random.random()
        ledger.record(
            run_id=run_id, operation_id=uuid4(), kind="llm", node="x", provider="p", model="m",
            attempt=1, outcome="ok", usage=Usage(tokens_in=1), latency_ms=1,
        )  # fmt: skip
        if what < 0.1:
            raise ProviderUnavailable("down")
        if what < 0.15:
            raise KeyError("bug")
        if what < 0.2:
            time.sleep(0.6)

    for node in ("plan", "draft", "critic"):
        journey.inside[node] = trouble

    def worker():
        if (claim := queue.claim()) is None:
            time.sleep(0.01)
            return
        if random.random() < 0.1:
            return  # died at once
        if random.random() < 0.1:
            threading.Timer(random.random() * 0.2, given_back, [claim]).start()
        step.execute(claim)

    def given_back(claim):
        try:
            commit.given_back(claim)
        except (AutonomyError, DatabaseError):
            connection.close()
        finally:
            connections.close_all()

    def people():
        run_id = random.choice(runs)
        act = random.choices(
            ["cancel", "retry", "budget", "schedule", "priority", "fork", "deliver", "correct"],
            [1, 10, 2, 5, 5, 1, 15, 5],
        )[0]
        match act:
            case "cancel":
                cancel_run(run_id=run_id, actor=mara)
            case "retry":
                retry_run(run_id=run_id, actor=mara)
            case "budget":
                limit = Run.objects.get(pk=run_id).limit_tokens
                raise_budget(run_id=run_id, actor=mara, tokens=limit + 1000)
            case "schedule":
                schedule_run(run_id=run_id, actor=mara, at=timezone.now() + timedelta(seconds=random.uniform(-1, 0.3)))
            case "priority":
                prioritise_run(run_id=run_id, actor=mara, priority=random.randrange(10))
            case "fork":
                if len(runs) < 60:
                    runs.append(fork_run(run_id=run_id, actor=mara, patch=None)[0].pk)
            case "deliver" | "correct":
                cycle = Cycle.objects.filter(run_id=run_id).order_by("-number").first()
                if cycle:
                    url = "https://r.example.org/1" if act == "deliver" else f"https://r.example.org/{random.random()}"
                    deliver_report(
                        run_id=run_id, cycle_id=cycle.pk, report_url=url, observed_similarity=0.1, actor=mara
                    )
        if len(runs) < 60 and random.random() < 0.05:
            runs.append(quick(owner=random.choice(owners)).pk)

    def housekeeping():
        recovery.recover()
        retention.prune()
        time.sleep(0.05)
        per_user = Counter(Job.objects.filter(state="running").values_list("user_id", flat=True))
        if per_user and max(per_user.values()) > 3:
            bad.append(f"too many running: {per_user}")

    def breaker():
        time.sleep(random.uniform(0.01, 0.1))
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() AND state <> 'idle' ORDER BY random() LIMIT 1"
            )

    def loop(task):
        def again():
            while not over.is_set():
                try:
                    task()
                except AutonomyError as refused:
                    errors[refused.code] += 1
                except DatabaseError as error:
                    errors[type(error).__name__ if broken_connections else f"{error}"[:200]] += 1
                    connection.close()
                except Exception as error:  # noqa: BLE001 - whatever it is, it is counted
                    errors[f"{type(error).__name__}: {error}"[:200]] += 1
            connections.close_all()

        return threading.Thread(target=again)

    with connection.cursor() as cursor:
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        deadlocks = cursor.fetchone()[0]
    threads = [
        *(loop(worker) for _ in range(6)),
        *(loop(people) for _ in range(3)),
        *(loop(housekeeping) for _ in "ab"),
    ]
    if broken_connections:
        threads.append(loop(breaker))
    for thread in threads:
        thread.start()
    time.sleep(SECONDS)
    over.set()
    for thread in threads:
        thread.join()
    time.sleep(0.5)

    # Left alone, each run comes to its end or waits for a report that will wake it.
    journey.inside.clear()
    until = time.monotonic() + 30
    while time.monotonic() < until:
        recovery.recover()
        if claim := queue.claim():
            step.execute(claim)
            continue
        if not Job.objects.filter(state__in=["queued", "running"]).exists():
            break
        time.sleep(0.05)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        assert cursor.fetchone()[0] == deadlocks
    print(errors, Counter(Run.objects.values_list("status", "outcome")))
    assert bad == []
    assert not Job.objects.filter(state__in=["queued", "running"]).exists()
    for run in Run.objects.all():
        cycle = Cycle.objects.filter(run=run).order_by("-number").first()
        if run.status == "waiting_human":
            assert (cycle.state, cycle.withdrawn_at) == ("awaiting_report", None), run.pk
            assert run.cancel_requested_at is None
        else:
            assert run.ended, (run.pk, run.status)
        episodes = list(Episode.objects.filter(run=run).order_by("seq"))
        assert [e.seq for e in episodes] == list(range(1, run.last_seq + 1))
        steps = [e.data["superstep"] for e in episodes if e.kind in ("node_finished", "node_paused")]
        assert steps == list(range(1, run.supersteps + 1))
        assert Checkpoint.objects.filter(run=run).exists()
        assert run.provider_calls.count() == run.spent_tokens
    unexpected = {k: n for k, n in errors.items() if k not in ("conflict", "not_found", "invalid_input")}
    if broken_connections:
        unexpected.pop("OperationalError", None)
    assert unexpected == {}
    for run in Run.objects.filter(status="waiting_human"):
        cycle = Cycle.objects.filter(run=run).latest("number")
        deliver_report(
            run_id=run.pk, cycle_id=cycle.pk, report_url="https://r.example.org/z", observed_similarity=0.1, actor=None
        )
    while claim := queue.claim():
        step.execute(claim)
    assert not Run.objects.filter(ended_at=None).exists()

"""Real Celery workers and a real beat, as processes, on the real Postgres and Redis; some of them are killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from billiard import pool
from django.db import connection

from autonomy.models import Episode, Job, Run
from autonomy.runtime.queue import worker_name
from autonomy.services.start_run import GivenSource
from turnitin.deliver_report import deliver_report
from turnitin.models import Cycle

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "autonomy" / "demo" / "sources"


def wait_until(condition: Callable[[], Any], seconds: float = 40) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


@pytest.fixture
def celery(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start `celery worker` or `celery beat` on this test's own database; killed afterwards, whatever happens."""
    database = os.environ["DATABASE_URL"].replace("/autonomy", f"/{connection.settings_dict['NAME']}", 1)
    environment = os.environ | {
        "DATABASE_URL": database,
        "AUTONOMY_LEASE_SECONDS": "2",
        "AUTONOMY_HEARTBEAT_SECONDS": "0.5",
        "AUTONOMY_RECOVERY_SECONDS": "0.5",
    }
    running: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str, **more: str) -> subprocess.Popen[bytes]:
        with (tmp_path / f"{arguments[0]}-{len(running)}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "celery", "--quiet", "-A", "config", *arguments],
                cwd=ROOT,
                env=environment | more,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        running.append(process)
        return process

    yield start
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def start_samples(start: Callable[..., Run], **changes: Any) -> Run:
    sources = [GivenSource(path.name, path.read_bytes()) for path in sorted(SAMPLES.iterdir())]
    task_spec = {"topic": "How coastal cities adapt to rising seas", "words": 600}
    return start(task_spec=task_spec, sources=sources, **changes)


def status(run: Run) -> str:
    run.refresh_from_db()
    return run.status


def assert_told_completely(run: Run) -> None:
    """The episodes have no gap, and no superstep was committed twice."""
    run.refresh_from_db()
    episodes = list(Episode.objects.filter(run=run).order_by("seq"))
    assert [e.seq for e in episodes] == list(range(1, run.last_seq + 1))
    steps = [e.data["superstep"] for e in episodes if e.kind in ("node_finished", "node_paused")]
    assert steps == list(range(1, run.supersteps + 1))


def test_a_worker_takes_a_run_from_queued_to_its_pause_and_after_the_report_to_its_end(celery, start):
    run = start_samples(start)
    assert run.status == "queued"
    celery("worker", "-c", "1")
    wait_until(lambda: status(run) == "waiting_human")
    assert not Job.objects.filter(state="running").exists()
    cycle = Cycle.objects.get(run=run)
    deliver_report(
        run_id=run.pk, cycle_id=cycle.pk, report_url="https://r.example.org/1", observed_similarity=0.1, actor=None
    )
    wait_until(lambda: status(run) == "done")
    assert run.outcome == "accepted"
    assert_told_completely(run)


def test_a_run_whose_worker_is_killed_is_finished_by_the_next_one_and_nothing_is_done_twice(celery, start):
    run = start_samples(start)
    victim = celery("worker", "-c", "1", AUTONOMY_SLICE_SECONDS="0")
    wait_until(lambda: Run.objects.get(pk=run.pk).supersteps >= 2)
    os.killpg(victim.pid, signal.SIGKILL)
    victim.wait()
    committed = Run.objects.get(pk=run.pk).supersteps
    celery("beat")
    celery("worker", "-c", "1")
    wait_until(lambda: status(run) == "waiting_human")
    sections = Episode.objects.filter(run=run, node="draft", kind="progress").count()
    assert run.supersteps == 4 + sections >= committed, "each section is one"
    assert_told_completely(run)


def test_a_worker_killed_inside_a_node_loses_only_that_node(celery, start, tmp_path):
    """The language model of the first worker never answers; the second one's is the offline model."""
    silent = socket.create_server(("127.0.0.1", 0))
    run = start_samples(start)
    stuck = {"OPENAI_BASE_URL": f"http://127.0.0.1:{silent.getsockname()[1]}/v1", "OPENAI_API_KEY": "sk-none"}
    victim = celery("worker", "-c", "1", **stuck)
    wait_until(lambda: Job.objects.filter(run=run, state="running").exists())
    asked, _ = silent.accept()
    os.killpg(victim.pid, signal.SIGKILL)
    victim.wait()
    assert Run.objects.get(pk=run.pk).supersteps == 0
    celery("beat")
    celery("worker", "-c", "1")
    wait_until(lambda: status(run) == "waiting_human")
    asked.close()
    silent.close()
    lost = Episode.objects.get(run=run, kind="lease_expired")
    assert lost.node == "plan"
    assert_told_completely(run)


def test_a_hint_that_never_came_is_sent_again_by_beat(celery, start, monkeypatch):
    monkeypatch.setattr("autonomy.runtime.queue.hint", lambda times=1: None)
    run = start_samples(start)
    celery("worker", "-c", "1")
    celery("beat")
    wait_until(lambda: status(run) == "waiting_human")


def test_a_worker_asked_to_stop_finishes_its_job_and_leaves_nothing_running(celery, start):
    run = start_samples(start)
    worker = celery("worker", "-c", "1")
    wait_until(lambda: Run.objects.get(pk=run.pk).supersteps >= 1)
    worker.terminate()
    assert worker.wait(30) == 0
    assert not Job.objects.filter(state="running").exists()
    assert_told_completely(run)


def test_a_process_that_ends_waits_a_moment_and_no_longer_for_a_worker_that_is_stopping():
    counter = SimpleNamespace(value=0)
    waited: list[float] = []
    process = SimpleNamespace(on_ready_counter=counter)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pool.time, "sleep", waited.append)
        assert not pool.Worker._ensure_messages_consumed(process, completed=1)
    assert 0 < sum(waited) <= 2


def test_the_worker_s_name_is_the_host_s():
    assert worker_name() == f"{socket.gethostname()}:{os.getpid()}"

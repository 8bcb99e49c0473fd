"""Events sent to a real uvicorn process, doubled and out of order, while a worker does what they make due."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from django.db import connection

from autonomy.models import Job
from autonomy.tests.test_run_from_start_to_end import assert_gapless
from benchmarks.chaos.audit import audit
from turnitin.core_api import worker
from turnitin.core_api.client import CoreApi
from turnitin.core_api.hint import EVENTS
from turnitin.models import Cycle, Submission
from turnitin.stage import TurnitinStage
from turnitin.tests.conftest import WEBHOOK_SECRET

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[2]
PATH = "/api/v2/turnitin/webhook"


@pytest.fixture
def site(at_turnitin: TurnitinStage, tmp_path: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    settings = {
        "DATABASE_URL": os.environ["DATABASE_URL"].replace("/autonomy", f"/{connection.settings_dict['NAME']}", 1),
        "TURNITIN_MODE": "core_api",
        "TURNITIN_BASE_URL": at_turnitin.base_url,
        "TURNITIN_API_KEY": at_turnitin.key,
        "TURNITIN_WEBHOOK_URL": address + PATH,
        "TURNITIN_WEBHOOK_SECRET": WEBHOOK_SECRET,
    }
    with (tmp_path / "web.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "config.asgi:application", "--port", str(port), "--lifespan", "off"],
            cwd=ROOT,
            env=os.environ | settings,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{address}/health/ready").status_code == 200:
                break
        time.sleep(0.1)
    yield address
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize("order", ["as sent", "reversed", "shuffled"])
def test_events_that_come_three_times_and_in_any_order_resume_each_run_once(
    site, at_turnitin, env, model, start, work, order
):
    # Polls alone would take minutes: it is the events that take the runs on.
    env(turnitin_poll_seconds=600.0)
    at_turnitin.tenant._similarities = [0.31, 0.31, 0.09]
    at_turnitin.tenant._process_seconds = at_turnitin.tenant._scan_seconds = at_turnitin.tenant._pdf_seconds = 0.05
    CoreApi.configured().register_webhook(site + PATH, WEBHOOK_SECRET, EVENTS, timeout=5)
    at_turnitin.webhooks.copies, at_turnitin.webhooks.order, at_turnitin.webhooks.hold_seconds = 3, order, 0.3
    runs = [start(), start()]
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        work()
        worker.work(5)
        rows = Submission.objects.filter(cycle__run__in=runs)
        if Cycle.objects.filter(state="accepted").count() == 2 and not rows.filter(pdf="").exists():
            break
        time.sleep(0.02)
    at_turnitin.webhooks.flush()
    worker.work(5)
    work()
    for run in runs:
        run.refresh_from_db()
        assert (run.status, run.outcome, run.revision) == ("done", "accepted", 1)
        assert Job.objects.filter(run=run, kind="resume").count() == 2
        assert_gapless(run)
    assert [one.scans for one in at_turnitin.submissions.values()] == [1, 1, 1, 1]
    assert len(at_turnitin.webhooks.delivered) >= 3 * 3 * 4
    assert {delivery.status for delivery in at_turnitin.webhooks.delivered} == {200}
    assert audit() == []

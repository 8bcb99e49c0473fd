"""A real uvicorn process, as people run it: threads and connections are its own."""

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
from rest_framework.authtoken.models import Token

from autonomy.tests.factories import RunFactory, tell

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[2]
# More than a process has database connections.
STREAMS = 24


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    database = os.environ["DATABASE_URL"].replace("/autonomy", f"/{connection.settings_dict['NAME']}", 1)
    with (tmp_path / "web.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "config.asgi:application", "--port", str(port), "--lifespan", "off"],
            cwd=ROOT,
            env=os.environ | {"DATABASE_URL": database},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{address}/health/ready").status_code == 200:
                break
        time.sleep(0.1)
    yield address
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_more_streams_than_connections_leave_the_database_to_others(server):
    run = RunFactory()
    tell(run, "episode 1")
    token = Token.objects.create(user=run.user)
    address = f"{server}/api/v2/runs/{run.pk}"
    with contextlib.ExitStack() as stack:
        headers = {"Authorization": f"Token {token.key}"}
        client = stack.enter_context(httpx.Client(headers=headers, timeout=20, limits=httpx.Limits()))
        reading = []  # an iterator that is dropped closes its stream
        for _ in range(STREAMS):
            lines = stack.enter_context(client.stream("GET", f"{address}/events")).iter_lines()
            assert "id: 1" in lines
            reading.append(lines)
        assert client.get(address).status_code == 200

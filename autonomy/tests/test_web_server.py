"""A real uvicorn process, as people run it: threads and connections are its own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from rest_framework.authtoken.models import Token

from autonomy.tests.factories import RunFactory, tell
from autonomy.tests.web import web_server

pytestmark = pytest.mark.django_db(transaction=True)

# More than a process has database connections.
STREAMS = 24


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    with web_server(tmp_path / "web.log") as address:
        yield address


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

"""The real web server, and how long it takes for a page."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from autonomy.management.processes import Processes
from benchmarks.console.pages import Page
from benchmarks.console.statements import HEADER
from benchmarks.measured import percentile

WARM, TIMED = 2, 15
PATIENCE = 30.0  # for the server to start
LONGEST = 120.0  # for one answer
ENOUGH = 20.0  # seconds of timed requests for one page; then fewer have to do


@dataclass(frozen=True)
class Taken:
    """Milliseconds of single requests; what a request asked of Postgres. `status` is 0 if no answer came in time."""

    page: Page
    status: int
    milliseconds: list[float]
    bytes: int = 0
    queries: int = 0
    sql_ms: float = 0.0
    slowest_ms: float = 0.0
    slowest: str = ""

    @property
    def median(self) -> float:
        return percentile(self.milliseconds, 50)

    @property
    def p95(self) -> float:
        return percentile(self.milliseconds, 95)


def serve(processes: Processes, log: Path) -> str:
    """The address of a web server that answers."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--port", str(port), "--lifespan", "off"]
    processes.start("web", [*command, "--no-access-log"], os.environ, output=log)
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{address}/health/ready").status_code == 200:
                return address
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise SystemExit(f"The web server did not start:\n{log.read_text()[-2000:]}")


def measure(client: httpx.Client, pages: Iterable[Page]) -> Iterator[Taken]:
    for page in pages:
        yield _one(client, page)


def _one(client: httpx.Client, page: Page) -> Taken:
    try:
        began = time.perf_counter()
        for _ in range(WARM):
            answer = client.get(page.address)
            if time.perf_counter() - began > ENOUGH:
                break
        if answer.status_code != 200:
            return Taken(page, answer.status_code, [(time.perf_counter() - began) * 1000], len(answer.content))
        asked = json.loads(client.get(page.address, headers={HEADER: "1"}).headers.get(HEADER, "{}"))
        milliseconds: list[float] = []
        while len(milliseconds) < TIMED and sum(milliseconds) < ENOUGH * 1000:
            since = time.perf_counter()
            client.get(page.address)
            milliseconds.append((time.perf_counter() - since) * 1000)
    except httpx.TimeoutException:
        return Taken(page, 0, [LONGEST * 1000])
    return Taken(page, 200, milliseconds, len(answer.content), **asked)

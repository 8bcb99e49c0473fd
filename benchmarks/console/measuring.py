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
from typing import Any

import httpx

from autonomy.management.processes import Processes
from benchmarks.console.pages import Page
from benchmarks.console.statements import COLD, HEADER
from benchmarks.measured import percentile

WARM, LISTENED, TIMED = 2, 3, 15
PATIENCE = 30.0  # for the server to start
LONGEST = 120.0  # for one answer
ENOUGH = 20.0  # seconds of timed requests for one page; then fewer have to do


@dataclass(frozen=True)
class Taken:
    """Milliseconds of single requests. `status` is 0 if no answer came in time.

    Of the quickest request that was listened to: what it asked of Postgres, and `own_ms` of processor time in the web
    server, which say how a page is also where others keep the machine busy.
    """

    page: Page
    status: int
    milliseconds: list[float]
    bytes: int = 0
    queries: int = 0
    sql_ms: float = 0.0
    slowest_ms: float = 0.0
    own_ms: float = 0.0
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
            answer = _ask(client, page)
            if time.perf_counter() - began > ENOUGH:
                break
        if answer.status_code != 200:
            return Taken(page, answer.status_code, [(time.perf_counter() - began) * 1000], len(answer.content))
        asked = min((_listened(client, page) for _ in range(LISTENED)), key=lambda told: told.get("sql_ms", 0.0))
        milliseconds: list[float] = []
        while len(milliseconds) < TIMED and sum(milliseconds) < ENOUGH * 1000:
            since = time.perf_counter()
            _ask(client, page)
            milliseconds.append((time.perf_counter() - since) * 1000)
    except httpx.TimeoutException:
        return Taken(page, 0, [LONGEST * 1000])
    return Taken(page, 200, milliseconds, len(answer.content), **asked)


def _listened(client: httpx.Client, page: Page) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(_ask(client, page, **{HEADER: "1"}).headers.get(HEADER, "{}"))
    return told


def _ask(client: httpx.Client, page: Page, **headers: str) -> httpx.Response:
    if page.cold:
        headers[COLD] = "1"
    if page.form is None:
        return client.get(page.address, headers=headers)
    headers["X-CSRFToken"] = client.cookies["csrftoken"]
    return client.post(page.address, data=page.form, headers=headers)

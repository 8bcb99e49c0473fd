"""A real uvicorn on the test database, as people run it: its threads, connections and processes are its own."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]


@contextlib.contextmanager
def web_server(log: Path, processes: int = 1, **environment: str) -> Iterator[str]:
    """Its address, once it is ready; its log in a file. Killed afterwards with all of its processes."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    database = os.environ["DATABASE_URL"].replace("/autonomy", f"/{connection.settings_dict['NAME']}", 1)
    command = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--port", str(port), "--lifespan", "off"]
    if processes > 1:
        command += ["--workers", str(processes)]
        environment["AUTONOMY_LOG_LEVEL"] = "INFO"  # at which each of them tells that it has started
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=inherited() | {"DATABASE_URL": database} | environment,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        address = f"http://127.0.0.1:{port}"
        _until(lambda: _is_ready(address))
        _until(lambda: processes == 1 or log.read_text().count("Started server process") == processes)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def inherited() -> dict[str, str]:
    """Our environment, without what only the browser tests' own process is told, and is no setting."""
    return {name: value for name, value in os.environ.items() if name != "DJANGO_ALLOW_ASYNC_UNSAFE"}


def _is_ready(address: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"{address}/health/ready").status_code == 200
    return False


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline, "the web server did not start"
        time.sleep(0.1)

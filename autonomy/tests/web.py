"""A real uvicorn on the test database, as people run it: its threads, connections and processes are its own."""

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
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | {"DATABASE_URL": database} | environment,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        address = f"http://127.0.0.1:{port}"
        _until_ready(address)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _until_ready(address: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{address}/health/ready").status_code == 200:
                return
        time.sleep(0.1)

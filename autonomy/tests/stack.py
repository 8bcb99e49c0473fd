"""`manage.py stack` as a person runs it, with all of its processes, on a data folder of its own."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from autonomy.tests.web import ROOT, inherited


def manage(data: Path, *arguments: str, **more: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in inherited().items() if name not in ("DATABASE_URL", "REDIS_URL")}
    return subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment | {"DATA_DIR": str(data), "AUTONOMY_LOG_LEVEL": "WARNING"} | more,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class Stack:
    """A running stack that has answered a request."""

    def __init__(self, data: Path, **environment: str) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.process = manage(data, "stack", "--port", str(self.port), **environment)
        eventually(lambda: self.process.poll() is not None or self.answers(), 60)
        if self.process.poll() is not None or not self.answers():
            self.process.kill()
            pytest.fail("\n".join(self.process.communicate()))

    def answers(self) -> bool:
        with urllib.request.urlopen(f"{self.address}/health/ready", timeout=2) as answer:
            return bool(json.load(answer)["status"] == "ok")

    def login(self) -> tuple[str, str]:
        """Name and password of the account made at the first start. What is printed later is not read by `stop`."""
        output = self.process.stdout
        assert output
        for line in output:
            if found := re.fullmatch(r"staff login: (\S+) / (\S+)\n", line):
                return found[1], found[2]
        pytest.fail("the stack printed no login")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        self.process.send_signal(how)
        output, errors = self.process.communicate(timeout=60)
        return self.process.returncode, output, errors


def left_behind(data: Path) -> list[psutil.Process]:
    """Every process that was started with this data folder: servers, guardian, web, worker and its children, beat."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("DATA_DIR") == str(data) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def one(data: Path, word: str) -> psutil.Process:
    """The oldest process with this word in its command line."""
    found = [process for process in left_behind(data) if word in process.cmdline()]
    return min(found, key=lambda process: float(process.create_time()))


def eventually(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, ValueError):
            if condition():
                return True
        time.sleep(0.1)
    return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

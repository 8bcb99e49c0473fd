"""One server process with a folder of its own: started with an argument list, found again by its pid file."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from typing import ClassVar

import psutil  # type: ignore[import-untyped]

from config.embedded.folders import Folders

ATTEMPTS = 10
BETWEEN_ATTEMPTS = 0.3
PATIENCE = 120.0
LARGEST_LOG = 10 * 2**20


class ServerFailed(Exception):
    """A server cannot be started; the text says why and what to do."""


class Server(ABC):
    name: ClassVar[str]
    pid_file: ClassVar[str]
    # What to send, and how long to wait before the next.
    ways_to_stop: ClassVar[tuple[tuple[signal.Signals, float], ...]]

    def __init__(self, folders: Folders) -> None:
        self.folders = folders
        self.folder = folders.data / self.name
        self.log = folders.data / f"{self.name}.log"
        self.has_answered = False
        self._child: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def prepare(self) -> None:
        """Make what the server needs in order to start."""

    @abstractmethod
    def command(self) -> list[str]: ...

    @abstractmethod
    def answers(self) -> bool: ...

    def environment(self) -> dict[str, str]:
        # With no locale of its own, PostgreSQL on macOS starts threads while it starts up, and ends.
        return os.environ | {"LC_ALL": "C"}

    def user(self) -> int | None:
        """Whom to run as; None: as ourselves."""
        return None

    def start(self) -> None:
        """Returns when the server answers, be it a new one or one that a killed guardian left running.

        A few attempts: what remains of a server killed just now may hold its memory for a moment.
        """
        for _ in range(ATTEMPTS):
            if not self.runs():
                self.prepare()
                self._launch()
            deadline = time.monotonic() + PATIENCE
            while self.runs() and time.monotonic() < deadline:
                if self.answers():
                    self.has_answered = True
                    return
                time.sleep(0.01)
            time.sleep(BETWEEN_ATTEMPTS)
        raise ServerFailed(f"The embedded {self.name} does not start. {self.last_lines()}")

    def stop(self) -> None:
        for order, patience in self.ways_to_stop:
            if (pid := self._pid()) is None:
                return
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, order)
            deadline = time.monotonic() + patience
            while self.runs() and time.monotonic() < deadline:
                time.sleep(0.01)

    def runs(self) -> bool:
        return self._pid() is not None

    def last_lines(self, count: int = 15) -> str:
        with contextlib.suppress(OSError):
            lines = self.log.read_text(errors="replace").splitlines()[-count:]
            return f"The last lines of {self.log}:\n" + "\n".join(lines)
        return f"It wrote no {self.log}."

    def recorded_pid(self) -> int | None:
        try:
            return int((self.folder / self.pid_file).read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return None

    def _launch(self) -> None:
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.old"))
        user = self.user()
        try:
            with self.log.open("ab") as log:
                self._child = subprocess.Popen(  # noqa: S603
                    self.command(),
                    cwd=self.folder,
                    env=self.environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    user=user,
                    group=user if user is None else os.stat(self.folder).st_gid,
                    extra_groups=None if user is None else [],
                )
        except OSError as error:
            raise ServerFailed(f"The embedded {self.name} cannot be run: {error}.") from error

    def _pid(self) -> int | None:
        if self._child and self._child.poll() is None:
            return self._child.pid
        pid = self.recorded_pid()
        return pid if pid is not None and self._is_ours(pid) else None

    def _is_ours(self, pid: int) -> bool:
        """Whether this process is our server, and not one that happens to have the number of a dead one."""
        try:
            process = psutil.Process(pid)
            return process.status() != psutil.STATUS_ZOMBIE and os.path.samefile(process.cwd(), self.folder)
        except (psutil.Error, OSError):
            return False

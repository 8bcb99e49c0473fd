"""A few long-running processes that live and die together, and never outlive the one that started them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

LOOK_EVERY = 0.1


class Processes:
    """Each has a session of its own, so that Ctrl-C reaches only us and we decide how they end."""

    def __init__(self, patience: float) -> None:
        self.patience = patience
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        # It sees our end, even by SIGKILL, as the end of its standard input.
        self._undertaker = subprocess.Popen(  # noqa: S603
            [sys.executable, str(Path(__file__).with_name("undertaker.py")), str(patience)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def start(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], *, output: Path | None = None
    ) -> None:
        """Start a process; what it says goes to ours, or to the file `output`."""
        with output.open("ab") if output else contextlib.nullcontext() as log:
            process = subprocess.Popen(  # noqa: S603
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT if log else None,
                start_new_session=True,
            )
        self._running[name] = process
        assert self._undertaker.stdin
        self._undertaker.stdin.write(f"{process.pid}\n".encode())
        self._undertaker.stdin.flush()

    def wait(self, is_stopped: Callable[[], bool]) -> tuple[str, int] | None:
        """The first process that ended by itself, with its exit code; None when we were asked to stop."""
        while not is_stopped():
            if ended := self.ended():
                return ended
            time.sleep(LOOK_EVERY)
        return None

    def ended(self) -> tuple[str, int] | None:
        """A process that has ended, with its exit code; None while all run."""
        for name, process in self._running.items():
            if (code := process.poll()) is not None:
                return name, code
        return None

    def pid(self, name: str) -> int:
        """Its number, which is also that of its session and its process group."""
        return self._running[name].pid

    def exit_code(self, name: str) -> int | None:
        """None while it runs. One that has ended may be started again under its name."""
        return self._running[name].poll()

    def bury(self, name: str) -> None:
        """Whoever is left of the session of one that has ended: a worker's children."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._running[name].pid, signal.SIGKILL)

    def stop(self) -> None:
        for process in self._running.values():
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + self.patience
        for process in self._running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
            # Whoever is left of its session: a worker's children, or the process itself when it did not listen.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        # Told that all is done by the signal; the end of its input would make it look for them.
        self._undertaker.kill()
        self._undertaker.communicate()

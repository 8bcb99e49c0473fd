"""Ends the processes whose numbers it reads, when its standard input ends: that is, when the one who wrote them died.

A program of its own that imports nothing of ours, so that it is small, and killed by nothing that kills the others.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time


def main() -> None:
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    patience = float(sys.argv[1])
    sessions = [int(line) for line in sys.stdin if line.endswith("\n")]
    for session in sessions:
        with contextlib.suppress(OSError):
            os.kill(session, signal.SIGTERM)
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and any(exists(session) for session in sessions):
        time.sleep(0.1)
    for session in sessions:
        with contextlib.suppress(OSError):
            os.killpg(session, signal.SIGKILL)


def exists(session: int) -> bool:
    with contextlib.suppress(OSError):
        os.kill(session, 0)
        return True
    return False


if __name__ == "__main__":
    main()

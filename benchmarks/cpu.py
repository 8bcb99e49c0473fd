"""Processor time: of another process, and of this one by whose code spends it. Standard library only, Linux."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType


def milliseconds_of(pid: int) -> float:
    """What a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def milliseconds_by_owner(work: Callable[[], object], owners: Mapping[str, str]) -> dict[str, float]:
    """Run `work` and say how much time each owner took, by samples of the main thread's stack.

    `owners`: part of a file's path to a name. The innermost frame with a match counts.
    """
    samples: Counter[str] = Counter()

    def sample(_signal: int, frame: FrameType | None) -> None:
        while frame:
            path = frame.f_code.co_filename
            if owner := next((name for part, name in owners.items() if part in path), None):
                samples[owner] += 1
                return
            frame = frame.f_back

    before = signal.signal(signal.SIGPROF, sample)
    began = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, 0.001, 0.001)
    try:
        work()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    spent = (time.process_time() - began) * 1000
    return {owner: spent * count / max(1, samples.total()) for owner, count in samples.most_common()}

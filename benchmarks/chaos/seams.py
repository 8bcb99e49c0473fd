"""The Celery application of a storm's workers: the real one, which only pauses where a kill or a freeze hurts most.

Between two of these places lie milliseconds, and nothing would ever happen just there. Before a commit the process says
so with a file of its number in CHAOS_SEAMS, so that the storm can put it to sleep at that very moment.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from celery.signals import worker_process_init

from config.celery import app

__all__ = ["app"]

LONGEST = 0.15


@worker_process_init.connect
def pause_at_the_seams(**_: Any) -> None:
    from autonomy.runtime import commit, queue

    mark = Path(os.environ["CHAOS_SEAMS"]) / str(os.getpid())
    commit.superstep = _with_pauses(commit.superstep, mark)  # after a node and before its commit; after the commit
    queue.claim = _with_pauses(queue.claim)  # after a claim, before anything is done


def _with_pauses(function: Callable[..., Any], mark: Path | None = None) -> Callable[..., Any]:
    def paused(*arguments: Any) -> Any:
        if mark:
            mark.touch()
            _pause()
            mark.unlink()
        answer = function(*arguments)
        _pause()
        return answer

    return paused


def _pause() -> None:
    time.sleep(random.uniform(0, LONGEST))

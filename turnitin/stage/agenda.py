"""What happens by itself when its moment has passed."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable


class Agenda:
    """Does things at their time on a thread of its own, from `start` to `close`, also if nobody looks.

    `turn` is the one lock of the tenant: everything happens under it, one after the other.
    """

    def __init__(self) -> None:
        self.turn = threading.RLock()
        self._changed = threading.Condition(self.turn)
        self._entries: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._closed = False
        self._thread = threading.Thread(target=self._keep, name="turnitin-stage-agenda", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        with self._changed:
            heapq.heappush(self._entries, (time.monotonic() + seconds, next(self._numbers), do))
            self._changed.notify()

    def catch_up(self) -> None:
        """Do now what is due."""
        with self._changed:
            while self._entries and self._entries[0][0] <= time.monotonic():
                heapq.heappop(self._entries)[2]()

    def _keep(self) -> None:
        with self._changed:
            while not self._closed:
                self.catch_up()
                self._changed.wait(self._entries[0][0] - time.monotonic() if self._entries else None)

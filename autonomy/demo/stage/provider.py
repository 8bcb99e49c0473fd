"""One named provider on the stage: what it answers next, and what it was asked."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Self

from autonomy.demo.stage import faults, script, writer
from autonomy.demo.stage.completion import Writes
from autonomy.demo.stage.faults import Fault
from autonomy.demo.stage.request import Request


class Provider:
    """It plays its script, and then behaves. Any number of requests may come at once.

    `before` is called with each request, before anything is answered, and may block: so a test can hold one.
    `writes` makes the content of a right answer from the request's material and the most tokens it may have.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.before: Callable[[Request], None] = lambda request: None
        self.writes: Writes = writer.write
        self._changed = threading.Condition()
        self._pending: deque[Fault] = deque()
        self._afterwards = faults.right()
        self._requests: list[Request] = []

    def then(self, *what: Fault, times: int = 1) -> Self:
        """Answer so to the next requests, one each; all of it `times` over."""
        with self._changed:
            self._pending.extend(what * times)
        return self

    def forever(self, fault: Fault) -> Self:
        """Answer so when the rest has been played."""
        with self._changed:
            self._afterwards = fault
        return self

    def script(self, text: str) -> Self:
        """As `then` and `forever`, in words: "429:2, 429, 500*3, timeout, quota*". Raises ScriptError."""
        parsed = script.parse(text)
        if parsed.afterwards:
            self.forever(parsed.afterwards)
        return self.then(*parsed.faults)

    def behave(self) -> Self:
        """Forget what is left to play: only right answers from now on."""
        with self._changed:
            self._pending.clear()
        return self.forever(faults.right())

    @property
    def requests(self) -> list[Request]:
        """All that came, in order; what is held is among them."""
        with self._changed:
            return list(self._requests)

    def wait_for(self, count: int, seconds: float = 10) -> bool:
        """Until so many requests have come; False when they have not by then."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._requests) >= count, seconds)

    def take(self, request: Request) -> Fault:
        """Note the request, and choose how it is answered."""
        with self._changed:
            self._requests.append(request)
            self._changed.notify_all()
            return self._pending.popleft() if self._pending else self._afterwards

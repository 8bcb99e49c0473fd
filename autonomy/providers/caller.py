"""On whose behalf providers are called: the run, the node that is at work, and what it has used up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from uuid import UUID

from autonomy.errors import BudgetExceeded
from autonomy.ports import Episodes
from autonomy.providers.attempt import Usage

LOOK_EVERY = 1.0


class Caller:
    """Of one run on one worker. Nodes may run side by side: all of it may be used from several threads.

    `proceed` is asked before every attempt and while one is waited for; it raises when the run must not go on.
    `seconds` tells the run's limit on seconds of execution, and how many are spent by now.
    """

    def __init__(
        self,
        *,
        run_id: UUID,
        node: str,
        episodes: Episodes,
        proceed: Callable[[], None],
        seconds: Callable[[], tuple[float, float]],
    ) -> None:
        self.run_id = run_id
        self.episodes = episodes
        self.proceed = proceed
        self._seconds = seconds
        self._lock = threading.Lock()
        self.begin(node)

    def begin(self, node: str) -> None:
        """What follows is asked by this node, and its tokens are counted anew."""
        with self._lock:
            self.node, self._provider, self._tokens_in, self._tokens_out = node, "", 0, 0

    def used(self, provider: str, usage: Usage) -> None:
        with self._lock:
            self._provider = provider
            self._tokens_in += usage.tokens_in
            self._tokens_out += usage.tokens_out

    def usage(self) -> dict[str, int | str]:
        """Tokens used since the node began, and the provider that was asked last."""
        with self._lock:
            return {"tokens_in": self._tokens_in, "tokens_out": self._tokens_out, "provider": self._provider}

    @property
    def seconds_left(self) -> float:
        limit, spent = self._seconds()
        return limit - spent

    def refuse_without_time(self) -> None:
        """Raises BudgetExceeded once the run's seconds are used up."""
        limit, spent = self._seconds()
        if spent >= limit:
            raise BudgetExceeded.of("seconds", limit, round(spent, 3))

    def wait(self, seconds: float) -> None:
        """Not in one go, for somebody may cancel the run meanwhile."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, LOOK_EVERY))
            self.proceed()

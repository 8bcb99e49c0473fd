"""The circuits of all providers, shared between all workers through Redis.

Without Redis a process goes on with circuits of its own, which begin as it last saw the shared ones; when Redis is
back, what is there counts. The clocks of the machines are expected to agree within a second or two.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, TypeVar

import redis
import structlog
from django.conf import settings

from autonomy.providers.breaker import circuit
from autonomy.providers.breaker.circuit import Circuit, State, Verdict

PREFIX = "autonomy:breaker:"
# Written to see whether Redis takes changes: a replica answers questions, too.
TRIAL_KEY = "autonomy:breaker-trial"
PATIENCE = 0.5  # seconds for one answer of Redis, for a change with its repetitions, and for one's turn
SILENCE = 5.0  # seconds for which a Redis that failed is not asked again
KEPT = 600.0  # seconds for which a circuit is remembered after the last that can happen by itself

log = structlog.get_logger(__name__)

T = TypeVar("T")


class Breaker:
    """Who may call a provider. Keys are `<kind>:<name>`, such as `llm:openai`.

    No method raises because of Redis. One that hangs costs a call `patience`, at the worst a few times that, and then
    no call anything for `silence`. Safe to use from several threads.
    """

    def __init__(
        self,
        options: Mapping[str, Any],
        *,
        patience: float = PATIENCE,
        silence: float = SILENCE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`options`: keyword arguments for `redis.Redis`. `clock` gives unix seconds."""
        self._options = {**options, "socket_connect_timeout": patience, "socket_timeout": patience}
        self._patience = patience
        self._silence = silence
        self._clock = clock
        self._client: redis.Redis | None = None
        # One thread at a time talks with Redis: a silent Redis holds up one, and the others learn from it.
        self._line = threading.Lock()
        self._lock = threading.Lock()
        self._own: dict[str, Circuit] = {}
        self._silent_until = 0.0
        self._lost = False
        self._untold = False

    @property
    def shared(self) -> bool:
        """False while this process decides by itself."""
        return not self._lost

    def newly_local(self) -> bool:
        """True once after each loss of Redis, for whoever tells of it."""
        with self._lock:
            untold, self._untold = self._untold, False
        return untold

    def ask(self, key: str, *, probe_seconds: float) -> Verdict:
        """May a call go? If so, one of `good`, `bad`, `cool` or `unused` is to follow.

        `probe_seconds`: the call's timeout and some slack; a probe of which nothing was heard by then gives way.
        """
        return self._change(key, lambda known, now: known.asked(now, probe_seconds))

    def good(self, key: str) -> None:
        """The provider answered, be it that it refused the request as wrong."""
        self._change(key, lambda known, now: (known.good(now), None))

    def bad(self, key: str) -> None:
        """The provider did not answer, or answered that it is not well."""
        self._change(key, lambda known, now: (known.bad(now), None))

    def cool(self, key: str, seconds: float, reason: str) -> None:
        """Nobody is to ask for these seconds, a day at most; then one probe. `reason` is our own wording."""
        self._change(key, lambda known, now: (known.cooled(now, seconds, reason), None))

    def unused(self, key: str) -> None:
        """A probe that `ask` allowed is not sent after all."""
        self._change(key, lambda known, now: (known.unused(now), None))

    def forget(self, key: str) -> None:
        """Close the circuit by hand. Without Redis it is closed in this process alone: see `shared`."""
        self._change(key, lambda known, now: (Circuit(), None))

    def state(self, keys: Iterable[str]) -> dict[str, dict[str, Any]]:
        """`{key: {state, until, reason}}`, JSON-able. `until`: unix seconds at which one may ask again at the latest,
        or None where one may ask now."""
        names = list(keys)
        found = self._through_redis(lambda client: client.mget([PREFIX + key for key in names]) if names else [])
        now = self._clock()
        known = {key: self._read(key, text, now) for key, text in zip(names, found or [], strict=False)}
        return {key: _told(known.get(key) or self._own.get(key, Circuit()), now) for key in names}

    def _change(self, key: str, transition: Callable[[Circuit, float], tuple[Circuit, T]]) -> T:
        done = self._through_redis(lambda client: self._change_shared(client, key, transition))
        if done is not None:
            return done[1]
        with self._lock:
            self._own[key], value = transition(self._own.get(key, Circuit()), self._clock())
        return value

    def _change_shared(
        self, client: redis.Redis, key: str, transition: Callable[[Circuit, float], tuple[Circuit, T]]
    ) -> tuple[Circuit, T]:
        name = PREFIX + key
        give_up = time.monotonic() + self._patience

        def change(pipe: Any) -> tuple[Circuit, T]:
            # redis-py calls this anew, without end, whenever another process was faster.
            if time.monotonic() > give_up:
                raise redis.TimeoutError("too many others change this circuit")
            now = self._clock()
            try:
                known = self._read(key, pipe.get(name), now)
            except redis.ResponseError:  # something of another type is there; it is written over
                known = self._unreadable(key)
            changed, value = transition(known, now)
            if changed == known:
                pipe.unwatch()
            else:
                pipe.multi()
                pipe.set(name, circuit.to_json(changed), ex=int(changed.settled(now) + KEPT))
            return changed, value

        transaction: Any = client.transaction  # its type knows nothing of value_from_callable
        done: tuple[Circuit, T] = transaction(change, name, value_from_callable=True)
        self._own[key] = done[0]
        return done

    def _read(self, key: str, text: bytes | str | None, now: float) -> Circuit:
        if text is None:
            return Circuit()
        try:
            return circuit.from_json(text, now)
        except ValueError:
            return self._unreadable(key)

    def _unreadable(self, key: str) -> Circuit:
        log.warning("breaker_unreadable", key=key)
        return self._own.get(key, Circuit())

    def _through_redis(self, work: Callable[[redis.Redis], T]) -> T | None:
        """What `work` returns, or None where Redis is away."""
        if time.monotonic() < self._silent_until or not self._line.acquire(timeout=self._patience):
            return None
        try:
            if time.monotonic() < self._silent_until:
                return None
            return work(self._connected())
        except Exception as error:  # noqa: BLE001 - whatever is wrong with Redis, the call to the provider goes on
            self._lose(error)
            return None
        finally:
            self._line.release()

    def _connected(self) -> redis.Redis:
        if self._client is None:
            client = redis.Redis(**self._options)
            if self._lost:
                self._silent_until = time.monotonic() + self._silence  # one tries, nobody waits for it
                client.set(TRIAL_KEY, 1, ex=60)
                self._silent_until = 0.0
                self._lost = False
                log.info("breaker_shared")
            self._client = client
        return self._client

    def _lose(self, error: Exception) -> None:
        # Not used again: a connection that was cut off within a transaction stays taken in its pool.
        self._client = None
        self._silent_until = time.monotonic() + self._silence
        if self._lost:
            return
        with self._lock:
            self._lost = self._untold = True
        log.warning("breaker_local", error=type(error).__name__)


def _told(known: Circuit, now: float) -> dict[str, Any]:
    state = known.state(now)
    until = {State.CLOSED: 0.0, State.OPEN: known.until, State.HALF_OPEN: known.probe_until}[state]
    return {"state": str(state), "until": until if until > now else None, "reason": known.reason}


@cache
def breaker() -> Breaker:
    """The one of this process."""
    return Breaker(settings.REDIS_OPTIONS)


# A lock that another thread held at the fork would stay locked in the child.
os.register_at_fork(after_in_child=breaker.cache_clear)

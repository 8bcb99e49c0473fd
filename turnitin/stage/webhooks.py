"""The events: who gets them, and what can go wrong on their way."""

from __future__ import annotations

import base64
import contextlib
import random
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any, Literal, get_args

from turnitin.stage.webhook import Delivery, Webhook, connect, headers_for, post, written

Order = Literal["as sent", "reversed", "shuffled"]


@dataclass(eq=False)
class _Event:
    type: str
    body: bytes
    to: list[Webhook]
    copies: int
    due: float
    over: threading.Event = field(default_factory=threading.Event)


class Webhooks:
    """Delivers events one after the other, the copies of one at the same time, on threads of its own.

    `lost`, `copies`, `late` (seconds) and `order` hold for the events that come after they are set. In another order
    than "as sent" events are held back, until `flush` or until `hold_seconds` after the first of them. What is answered
    with anything but 2xx is tried again after each of `retry_after` (seconds).
    """

    def __init__(self, settle: Callable[[], None]) -> None:
        """`settle` does what is due, so that its events are there."""
        self.registered: dict[str, Webhook] = {}
        self.delivered: list[Delivery] = []
        self.lost = False
        self.copies = 1
        self.late = 0.0
        self.hold_seconds = 1.0
        self.retry_after: tuple[float, ...] = (0.05, 0.2)
        # Turnitin's own rule is that an address is https unless allow_insecure is sent; here it is off by default.
        self.https_only = False
        self._order: Order = "as sent"
        self._settle = settle
        self._changed = threading.Condition()
        self._held: list[_Event] = []
        self._held_until = 0.0
        self._coming: list[_Event] = []
        self._unanswered: list[_Event] = []
        self._connections: set[HTTPConnection] = set()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._carry, name="turnitin-stage-webhooks", daemon=True)

    @property
    def order(self) -> Order:
        return self._order

    @order.setter
    def order(self, order: Order) -> None:
        if order not in get_args(Order):
            raise ValueError(f"“{order}” is no order; there are {', '.join(get_args(Order))}.")
        self._order = order

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Deliver nothing any more; break off what is on its way."""
        self._closing.set()
        with self._changed:
            self._changed.notify()
            for connection in self._connections:
                if connection.sock is not None:
                    with contextlib.suppress(OSError):
                        connection.sock.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        for event in self._unanswered:
            event.over.set()

    def happened(self, event_type: str, body: Mapping[str, Any]) -> None:
        """To all who asked for this type. Does not wait."""
        to = [webhook for webhook in self.registered.values() if event_type in webhook.event_types]
        if self.lost or not to:
            return
        at = time.monotonic()
        event = _Event(event_type, written(body), to, self.copies, at + self.late)
        with self._changed:
            self._unanswered.append(event)
            if self.order == "as sent":
                self._coming.append(event)
            else:
                if not self._held:
                    self._held_until = at + self.hold_seconds
                self._held.append(event)
            self._changed.notify()

    def flush(self) -> None:
        """Deliver now what is held or late, and wait until all of it was answered or given up."""
        self._settle()
        with self._changed:
            self._release()
            for event in self._coming:
                event.due = 0.0
            waited_for = list(self._unanswered)
            self._changed.notify()
        for event in waited_for:
            event.over.wait()

    def send(
        self,
        event_type: str,
        body: Mapping[str, Any] | bytes,
        *,
        secret: bytes | str | None = None,
        headers: Mapping[str, str | None] | None = None,
        url: str = "",
    ) -> tuple[int, bytes]:
        """Send any event by hand, once, and wait for the status and body it is answered with.

        `secret` signs instead of the registered one: bytes are the key itself, a str is base64 as at registration.
        `headers` are added; a value of None leaves one out. `url` is the first that is registered, unless given.
        Raises LookupError if there is no address or no secret, OSError and HTTPException if nobody answers.
        """
        webhook = next((one for one in self.registered.values() if url in ("", one.url)), None)
        if webhook is None and not (url and secret is not None):
            raise LookupError("No webhook is registered here: register one, or give url and secret.")
        key = webhook.key if webhook and secret is None else _key(secret)
        raw = body if isinstance(body, bytes) else written(body)
        sent = {**headers_for(event_type, key, raw), **(headers or {})}
        return self._post(
            event_type,
            url or (webhook.url if webhook else ""),
            {name: value for name, value in sent.items() if value is not None},
            raw,
        )

    # --- the courier ---

    def _carry(self) -> None:
        while event := self._next():
            threads = [
                threading.Thread(
                    target=self._deliver, args=(event, webhook), name="turnitin-stage-delivery", daemon=True
                )
                for webhook in event.to
                for _ in range(event.copies)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            with self._changed:
                self._unanswered.remove(event)
            event.over.set()

    def _next(self) -> _Event | None:
        """The next event, when it is due; None when the stage closes."""
        with self._changed:
            while not self._closing.is_set():
                at = time.monotonic()
                if self._held and self._held_until <= at:
                    self._release()
                if self._coming and self._coming[0].due <= at:
                    return self._coming.pop(0)
                moments = [event.due for event in self._coming[:1]] + [self._held_until] * bool(self._held)
                self._changed.wait(min(moments) - at if moments else None)
            return None

    def _release(self) -> None:
        if self.order == "shuffled":
            random.shuffle(self._held)
        else:
            self._held.reverse()
        self._coming += self._held
        self._held.clear()

    def _deliver(self, event: _Event, webhook: Webhook) -> None:
        headers = headers_for(event.type, webhook.key, event.body)
        for attempt, wait in enumerate((*self.retry_after, 0.0), start=1):
            if self._closing.is_set():
                return
            with contextlib.suppress(OSError, HTTPException):
                status, _ = self._post(event.type, webhook.url, headers, event.body, attempt)
                if 200 <= status <= 299:
                    return
            self._closing.wait(wait)

    def _post(
        self, event_type: str, url: str, headers: dict[str, str], body: bytes, attempt: int = 1
    ) -> tuple[int, bytes]:
        connection = connect(url)
        with self._changed:
            self._connections.add(connection)
        status, answer = 0, b""
        try:
            status, answer = post(connection, url, headers, body)
        finally:
            with self._changed:
                self._connections.discard(connection)
                self.delivered.append(Delivery(event_type, url, headers, body, status, answer, attempt))
            connection.close()
        return status, answer


def _key(secret: bytes | str | None) -> bytes:
    return secret if isinstance(secret, bytes) else base64.b64decode(secret or "")

"""Ports for nodes that run side by side: LangGraph gives each of them a thread, and a thread its own connection."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Iterator
from typing import Any, TypeVar, cast

from django.db import connections

P = TypeVar("P")


def on_any_thread(port: P) -> P:
    """The same port. What a call from another thread than this one opened goes back to the pool at its end.

    Such a thread ends without closing anything, and the pool would wait for its connection for ever.
    """
    return cast(P, _GivingBack(port))


class _GivingBack:
    def __init__(self, port: object) -> None:
        self._port = port
        self._home = threading.get_ident()

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._port, name)
        return self._giving_back(value) if callable(value) else value

    def _giving_back(self, method: Any) -> Any:
        @functools.wraps(method)
        def call(*args: Any, **named: Any) -> Any:
            try:
                returned = method(*args, **named)
                return self._to_its_end(returned) if inspect.isgenerator(returned) else returned
            finally:
                self._give_back()

        return call

    def _to_its_end(self, stream: Iterator[Any]) -> Iterator[Any]:
        """A stream works between the calls as well, and gives back at its own end."""
        try:
            yield from stream
        finally:
            self._give_back()

    def _give_back(self) -> None:
        if threading.get_ident() != self._home:
            connections.close_all()

"""Providers that this process does not ask, because they refused its key.

Not shared: another process may have been started with another key. Each dictionary access is atomic, so that threads
need no lock, and a forked process inherits none.
"""

from __future__ import annotations

from time import monotonic

OFF_SECONDS = 900.0  # then it is asked again: a key may be unlocked without a restart

_off: dict[str, tuple[str, float]] = {}


def switch_off(key: str, reason: str) -> None:
    """`key` is `<kind>:<name>`, such as `llm:openai`; `reason` is our own wording."""
    _off[key] = (reason, monotonic() + OFF_SECONDS)


def is_off(key: str) -> str:
    """Why the provider is not to be asked; empty if it is."""
    reason, until = _off.get(key, ("", 0.0))
    return reason if monotonic() < until else ""


def clear() -> None:
    _off.clear()

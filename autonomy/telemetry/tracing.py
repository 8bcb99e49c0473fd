"""A trace for each run: a span for the run, one for each superstep, one for each attempt at a provider.

A run lives for days, in many processes, and the messages between them may be lost: no message carries its trace. The
run's own id is the id of its trace, and gives that of its first span, so every worker knows where a span belongs. That
first span is told when the run ends, by whoever ends it.

Without a collector (OTEL_EXPORTER_OTLP_ENDPOINT) all of this does nothing, and what speaks to one is not imported.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from django.conf import settings

from autonomy.telemetry.spans import EndedRun, ProviderSpan

if TYPE_CHECKING:
    from autonomy.telemetry.otlp import Traces

log = structlog.get_logger(__name__)


class _Unheard:
    def told(self, outcome: str, **facts: Any) -> None:
        pass


_opening = threading.Lock()
# Made in the process that uses it: what sends is a thread, and threads are not forked. None: it could not be made.
_opened: tuple[int, Traces | None] | None = None
# The headers of the hint that woke this worker, until a superstep takes them for its link.
_hint: ContextVar[Mapping[str, Any] | None] = ContextVar("hint", default=None)


@contextlib.contextmanager
def node_span(run_id: UUID, node: str, attempt: int) -> Iterator[None]:
    """A superstep, from before its node until after its commit."""
    if traces := _traces():
        hint = _hint.get()
        _hint.set(None)
        with traces.node(run_id, node, attempt, hint):
            yield
    else:
        yield


@contextlib.contextmanager
def provider_span(kind: str, provider: str, model: str, attempt: int) -> Iterator[ProviderSpan]:
    """One attempt. `model` is the one that is asked for; empty where there is none."""
    if traces := _traces():
        with traces.provider(kind, provider, model, attempt) as span:
            yield span
    else:
        yield _Unheard()


def run_ended(run: EndedRun) -> None:
    """Tell the span of the whole run. One that goes on after its end is told again at the next, with the same id."""
    if traces := _traces():
        traces.run(run)


def carried() -> dict[str, str] | None:
    """Headers for a hint: where it was sent."""
    traces = _traces()
    return traces.carried() if traces else None


def taken(headers: Mapping[str, Any] | None) -> None:
    """A hint was taken, with these headers. The next superstep links to where it was sent: it may be of another run."""
    _hint.set(headers)


def close() -> None:
    """Send what is left, within seconds, and forget the collector."""
    global _opened
    with _opening:
        opened, _opened = _opened, None
    if opened and opened[0] == os.getpid() and opened[1]:
        opened[1].close()


atexit.register(close)


def _traces() -> Traces | None:
    env = settings.ENV
    below = env.otel_exporter_otlp_endpoint
    endpoint = env.otel_exporter_otlp_traces_endpoint or (below and f"{below.rstrip('/')}/v1/traces")
    if not endpoint:
        return None
    global _opened
    if _opened is None or _opened[0] != os.getpid():
        with _opening:
            if _opened is None or _opened[0] != os.getpid():
                _opened = os.getpid(), _open(endpoint)
    return _opened[1]


def _open(endpoint: str) -> Traces | None:
    from autonomy.telemetry.otlp import Traces

    env = settings.ENV
    headers = env.otel_exporter_otlp_headers
    try:
        return Traces(endpoint, headers.get_secret_value() if headers else "", env.otel_service_name)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the collector, the runs go on
        log.warning("traces_off", error=type(error).__name__)
        return None

"""One paid attempt: reserved of the run's limits, made, settled in the ledger, and told to the breaker."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import TypeVar

import structlog

from autonomy.errors import BudgetExceeded
from autonomy.models import ProviderCall
from autonomy.providers import ledger
from autonomy.providers.attempt import AttemptFailed, Usage
from autonomy.providers.breaker import breaker
from autonomy.providers.caller import Caller
from autonomy.telemetry import metrics, tracing
from autonomy.telemetry.redaction import redact
from autonomy.telemetry.spans import ProviderSpan

T = TypeVar("T")
# It has so many seconds, and returns its value, what it used and the model that answered.
Attempt = Callable[[float], tuple[T, Usage, str]]

LOOK_EVERY = 0.2  # seconds between looks at what calls under way have given back

log = structlog.get_logger(__name__)


def reserve(caller: Caller, entry: ledger.Entry, deadline: float) -> int:
    """The ledger's row. Raises BudgetExceeded.

    Calls side by side have more reserved than they will use: what they may give back is waited for until `deadline`.
    """
    while True:
        try:
            return ledger.reserve(entry)
        except BudgetExceeded as error:
            if not error.waits or time.monotonic() >= deadline:
                raise
        caller.wait(LOOK_EVERY)


def make(caller: Caller, entry: ledger.Entry, call: int, attempt: Attempt[T], timeout: float) -> T:
    """Make the attempt whose row is `call`. Raises what it raises: AttemptFailed, with its number."""
    with tracing.provider_span(entry.kind, entry.provider, entry.model, entry.attempt) as span:
        return _settled(caller, entry, call, attempt, timeout, span)


def _settled(
    caller: Caller, entry: ledger.Entry, call: int, attempt: Attempt[T], timeout: float, span: ProviderSpan
) -> T:
    began = time.monotonic()
    # Unless we learn better nobody knows what was paid, and it counts as the most.
    usage, model, http_status = dataclasses.replace(entry.at_most, estimated=True), entry.model, None
    outcome, error = ProviderCall.Outcome.FINAL, "it ended in an error of our own"
    try:
        value, usage, model = attempt(timeout)
        model = redact(model)
        outcome, error = ProviderCall.Outcome.OK, ""
        return value
    except AttemptFailed as failed:
        failed.attempt = entry.attempt
        usage, http_status, error = failed.usage or usage, failed.http_status, failed.reason
        if failed.retryable:
            outcome = ProviderCall.Outcome.RETRYABLE
        raise
    finally:
        seconds = time.monotonic() - began
        latency_ms = round(seconds * 1000)
        ledger.settle(
            call,
            model=model,
            outcome=outcome,
            usage=usage,
            latency_ms=latency_ms,
            http_status=http_status,
            error=error,
        )
        caller.used(entry.provider, usage)
        if outcome == ProviderCall.Outcome.RETRYABLE:
            breaker().bad(entry.key)
        else:
            breaker().good(entry.key)
        usd = None if usage.usd is None else float(usage.usd)
        tokens = {"tokens_in": usage.tokens_in, "tokens_out": usage.tokens_out}
        metrics.provider_attempt(entry.kind, entry.provider, str(outcome), seconds)
        metrics.spent(entry.provider, entry.model, **tokens, usd=usd)
        span.told(
            str(outcome),
            model=model,
            **tokens,
            tokens_cached=usage.tokens_cached,
            usd=usd,
            http_status=http_status,
            reason=error,
        )
        log.info(
            "provider_call",
            provider=entry.provider,
            attempt=entry.attempt,
            duration_ms=latency_ms,
            **tokens,
            outcome=str(outcome),
            http_status=http_status,
            error=error,
        )

"""One paid attempt: reserved of the run's limits, made, settled in the ledger, and told to the breaker."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import structlog
from django.conf import settings

from autonomy.errors import BudgetExceeded
from autonomy.models import ProviderCall
from autonomy.providers import ledger
from autonomy.providers.attempt import AttemptFailed, NotSent, TimedOut, Usage
from autonomy.providers.breaker import breaker
from autonomy.providers.caller import Caller
from autonomy.telemetry import metrics, tracing
from autonomy.telemetry.redaction import redact
from autonomy.telemetry.spans import ProviderSpan

T = TypeVar("T")
# It has so many seconds, and returns its value, what it used and the model that answered.
Attempt = Callable[[float], tuple[T, Usage, str]]

LOOK_EVERY = 0.2  # seconds between looks at what calls under way have given back
FAIR_SHARE = 0.5  # of the usual time: who is given less and does not make it, may be well
NO_TIME = "the time for the whole question is over"

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


def make(caller: Caller, entry: ledger.Entry, call: int, attempt: Attempt[T], deadline: float) -> T:
    """Make the attempt whose row is `call`. Raises what it raises: AttemptFailed."""
    with tracing.provider_span(entry.kind, entry.provider, entry.model, entry.attempt) as span:
        return _settled(caller, entry, call, attempt, deadline, span)


@dataclass
class _Known:
    """What is known of an attempt. As long as nobody knows what was paid, `usage` is the most it can be.

    `tell_breaker` says what it means for the provider: an error of our own means nothing.
    """

    usage: Usage
    model: str
    outcome: str = ProviderCall.Outcome.FINAL
    http_status: int | None = None
    error: str = "it ended in an error of our own"
    tell_breaker: Callable[[str], None] = field(default_factory=lambda: breaker().unused)

    def answered(self, usage: Usage, model: str) -> None:
        self.usage, self.model = usage, redact(model)
        self.outcome, self.error = ProviderCall.Outcome.OK, ""
        self.tell_breaker = breaker().good

    def failed(self, failure: AttemptFailed, timeout: float) -> None:
        self.usage = failure.usage or self.usage
        self.http_status, self.error = failure.http_status, failure.reason
        if not failure.retryable:
            self.tell_breaker = breaker().good
            return
        self.outcome = ProviderCall.Outcome.RETRYABLE
        if _says_something(failure, timeout):
            self.tell_breaker = breaker().bad


def _settled(
    caller: Caller, entry: ledger.Entry, call: int, attempt: Attempt[T], deadline: float, span: ProviderSpan
) -> T:
    began = time.monotonic()
    timeout = min(settings.ENV.autonomy_provider_timeout, deadline - began)
    known = _Known(dataclasses.replace(entry.at_most, estimated=True), entry.model)
    try:
        if timeout <= 0:
            raise NotSent(NO_TIME)
        value, usage, model = attempt(timeout)
        known.answered(usage, model)
        return value
    except AttemptFailed as failure:
        known.failed(failure, timeout)
        raise
    finally:
        seconds = time.monotonic() - began
        try:
            ledger.settle(
                call,
                model=known.model,
                outcome=known.outcome,
                usage=known.usage,
                latency_ms=round(seconds * 1000),
                http_status=known.http_status,
                error=known.error,
            )
        finally:
            known.tell_breaker(entry.key)
        caller.used(entry.provider, known.usage)
        _tell(entry, known, seconds, span)
        if ledger.is_above(known.usage, entry.at_most):
            _tell_above(caller, entry, known.usage)


def _tell(entry: ledger.Entry, known: _Known, seconds: float, span: ProviderSpan) -> None:
    """To metrics, trace and log."""
    outcome, usage = str(known.outcome), known.usage
    tokens = {"tokens_in": usage.tokens_in, "tokens_out": usage.tokens_out}
    # What used nothing costs nothing, whatever the price.
    usd = None if usage.usd is None and any(tokens.values()) else float(usage.usd or 0)
    metrics.provider_attempt(entry.kind, entry.provider, outcome, seconds)
    metrics.spent(entry.provider, entry.model, **tokens, usd=usd)
    span.told(
        outcome,
        model=known.model,
        **tokens,
        tokens_cached=usage.tokens_cached,
        usd=usd,
        http_status=known.http_status,
        reason=known.error,
    )
    log.info(
        "provider_call",
        provider=entry.provider,
        attempt=entry.attempt,
        duration_ms=round(seconds * 1000),
        **tokens,
        outcome=outcome,
        http_status=known.http_status,
        error=known.error,
    )


def _says_something(failed: AttemptFailed, timeout: float) -> bool:
    """Whether the provider is to blame, and not we, who left it little time or did not ask at all."""
    usual = min(settings.ENV.autonomy_provider_timeout, settings.ENV.autonomy_provider_deadline)
    is_cut_short = isinstance(failed, TimedOut) and timeout < usual * FAIR_SHARE
    return not is_cut_short and not isinstance(failed, NotSent)


def _tell_above(caller: Caller, entry: ledger.Entry, usage: Usage) -> None:
    """It is billed, and so it counts; the limit may be crossed by it, and then stops the next call."""
    used, reserved = _told(usage), _told(entry.at_most)
    log.warning("usage_above_reserve", provider=entry.provider, used=used, reserved=reserved)
    message = (
        f"{entry.provider} counts more for an answer than was reserved for it: {used['tokens']:,} tokens "
        f"in place of {reserved['tokens']:,}."
    )
    caller.episodes.now("usage_above_reserve", message, provider=entry.provider, used=used, reserved=reserved)


def _told(usage: Usage) -> dict[str, float | None]:
    return {"tokens": usage.tokens_in + usage.tokens_out, "usd": None if usage.usd is None else float(usage.usd)}

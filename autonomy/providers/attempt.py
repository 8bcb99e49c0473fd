"""One attempt at a provider: what it used, and how it failed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

MODEL_LENGTH = 120  # of a model's name, in the ledger


@dataclass(frozen=True)
class Usage:
    """Tokens of one attempt; `usd` is None where no price is known, `estimated` where the provider told nothing."""

    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    usd: Decimal | None = None
    estimated: bool = False


NOTHING = Usage()
FREE = Usage(usd=Decimal(0))  # what is paid by a licence, and not by the call


class Fault(StrEnum):
    """What kind of failure it was: it decides what is done next."""

    TRANSIENT = "transient"  # may help to ask again: no connection, timeouts, 408, 409, 429, 5xx
    REFUSED = "refused"  # our request is wrong, and would be wrong elsewhere: 400, 404, 422
    KEY = "key"  # the provider does not let us in: 401, 403
    QUOTA = "quota"  # nothing helps until somebody pays, or the day is over
    OVERFLOW = "overflow"  # the request is longer than the model's window
    MALFORMED = "malformed"  # it was answered and paid, but not in the asked form


class AttemptFailed(Exception):
    """An attempt failed. `reason` is our own wording: a provider's text may echo a key and is never kept.

    `retry_after`: seconds the provider asks us to wait. `usage`: what was paid all the same; None where nobody knows,
    because the request was sent and no whole answer came.
    """

    def __init__(
        self,
        reason: str,
        fault: Fault,
        *,
        http_status: int | None = None,
        retry_after: float | None = None,
        usage: Usage | None = NOTHING,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.fault = fault
        self.http_status = http_status
        self.retry_after = retry_after
        self.usage = usage

    @property
    def retryable(self) -> bool:
        return self.fault is Fault.TRANSIENT


class TimedOut(AttemptFailed):
    """No answer came in the time that was given."""

    def __init__(self, reason: str = "timed out", *, usage: Usage | None = None) -> None:
        super().__init__(reason, Fault.TRANSIENT, usage=usage)


class NotSent(AttemptFailed):
    """It did not come to a request: nothing is paid, and nothing is learnt about the provider."""

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        super().__init__(reason, Fault.TRANSIENT, retry_after=retry_after)

"""One attempt at a provider: what it used, and how it failed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

MODEL_LENGTH = 120  # of a model's name, in the ledger


@dataclass(frozen=True)
class Usage:
    """Tokens of one attempt; `usd` is None where no price is known, `estimated` where the provider told nothing."""

    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    usd: Decimal | None = None
    estimated: bool = False


class AttemptFailed(Exception):
    """An attempt failed. `reason` is our own wording: a provider's text may echo a key and is never kept.

    `malformed`: it was answered and paid, but not in the asked form. `quota`: no attempt helps until somebody pays.
    """

    def __init__(
        self,
        reason: str,
        *,
        retryable: bool,
        http_status: int | None = None,
        retry_after: float | None = None,
        usage: Usage | None = None,
        malformed: bool = False,
        quota: bool = False,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retryable = retryable
        self.http_status = http_status
        self.retry_after = retry_after
        self.usage = usage or Usage()
        self.malformed = malformed
        self.quota = quota
        self.attempt = 0  # set by the gateway, which numbers them

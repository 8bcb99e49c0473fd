"""An HTTP status other than 200, put into our own words: a provider's text may echo a key and is never kept."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from autonomy.providers.attempt import AttemptFailed, Fault
from autonomy.providers.exchange import Reply

RETRYABLE = {408, 409, 429}
LONGEST_WAIT = 86_400.0
MEANINGS = {
    400: "the request was refused",
    401: "the key was refused",
    403: "the key was refused",
    404: "the model or the address does not exist",
    413: "the request is too large",
    422: "the request was refused",
}
# What OpenAI and those who speak like it put into a 429 that no waiting mends.
QUOTA_CODES = {
    "insufficient_quota",
    "billing_hard_limit_reached",
    "billing_not_active",
    "billing_error",
    "insufficient_credits",
    "insufficient_balance",
    "exceeded_current_quota_error",
}


def of(reply: Reply) -> AttemptFailed:
    """The failure this reply means."""
    status = reply.status
    if status == 402 or (status == 429 and _says_quota(reply.body)):
        return AttemptFailed("quota is used up", Fault.QUOTA, http_status=status)
    meaning = "the address has moved" if 300 <= status < 400 else MEANINGS.get(status)
    return AttemptFailed(
        f"HTTP {status}: {meaning}" if meaning else f"HTTP {status}",
        _fault(status),
        http_status=status,
        retry_after=retry_after(reply.headers),
    )


def _fault(status: int) -> Fault:
    if status in RETRYABLE or status >= 500:
        return Fault.TRANSIENT
    return Fault.KEY if status in (401, 403) else Fault.REFUSED


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds the provider asks us to wait: `retry-after-ms`, or `Retry-After` as seconds or an HTTP date.

    At most a day: what is longer is a mistake, or at least no job's business.
    """
    seconds = _number(headers.get("retry-after-ms"), 1000)
    if seconds is None:
        seconds = _number(headers.get("retry-after"), 1)
    if seconds is None:
        seconds = _until(headers.get("retry-after"))
    return None if seconds is None else min(max(0.0, seconds), LONGEST_WAIT)


def _number(value: str | None, parts_of_a_second: int) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return None if math.isnan(number) else number / parts_of_a_second


def _until(value: str | None) -> float | None:
    try:
        return (parsedate_to_datetime(value or "") - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _says_quota(body: bytes) -> bool:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return False
    error = answer.get("error") if isinstance(answer, dict) else None
    if not isinstance(error, dict):
        return False
    return any(str(error.get(name)).lower() in QUOTA_CODES for name in ("code", "type"))

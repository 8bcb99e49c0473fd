"""An HTTP status other than 200, put into our own words: a provider's text may echo a key and is never kept."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import responses

from autonomy.providers import complaint
from autonomy.providers.attempt import AttemptFailed, Fault
from autonomy.providers.complaint import Complaint
from autonomy.providers.exchange import Reply

RETRYABLE = {408, 409, 429}
LONGEST_WAIT = 86_400.0
MEANINGS = {
    400: "the request was refused",
    401: "the key was refused",
    404: "the model or the address does not exist",
    422: "the request was refused",
    529: "overloaded",
}
TOO_LONG = "the request is longer than the model takes"


def of(reply: Reply) -> AttemptFailed:
    """The failure this reply means, by its status and by the codes in its body."""
    status, said = reply.status, complaint.read(reply.body)
    fault, meaning = _fault_of(reply, said)
    if fault is Fault.QUOTA:
        return AttemptFailed("quota is used up", fault, http_status=status)
    wait = retry_after(reply.headers)
    if wait is None and said.wait is not None:
        wait = min(said.wait, LONGEST_WAIT)
    text = f"HTTP {status}: {meaning}" if meaning else f"HTTP {status}"
    return AttemptFailed(text, fault, http_status=status, retry_after=wait)


def _fault_of(reply: Reply, said: Complaint) -> tuple[Fault, str]:
    """The kind of failure and what it means; the provider's own codes come before the status they hide behind."""
    status = reply.status
    is_final = reply.headers.get("x-should-retry", "").lower() == "false"
    if status == 402 or (said.quota and 400 <= status < 500):
        return Fault.QUOTA, ""
    if status == 413 or (said.overflow and status in (400, 422)):
        return Fault.OVERFLOW, TOO_LONG
    if status in (401, 403) or (said.key and status == 400):
        return Fault.KEY, MEANINGS[401]
    if status in RETRYABLE or status >= 500:
        if not is_final:
            return Fault.TRANSIENT, MEANINGS.get(status, responses.get(status, "").lower())
        # A limit that no waiting lifts is this provider's alone, anything else would be refused elsewhere too.
        return (Fault.QUOTA, "") if status == 429 else (Fault.REFUSED, "the provider says not to ask again")
    return Fault.REFUSED, "the address has moved" if 300 <= status < 400 else MEANINGS.get(status, "")


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

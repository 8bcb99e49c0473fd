"""How long is waited, in seconds: for Turnitin to get on with a document, and after what went wrong."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.utils import timezone

from autonomy.providers.off import OFF_SECONDS

FIRST_LOOK = 15.0
FIRST_BACKOFF = 60.0
HOUR = 3600.0
DAY = 24 * HOUR
GIVEN_UP = 7 * DAY  # a report that has not come by then does not come
KEY_REFUSED = OFF_SECONDS + 5.0  # a process does not ask before
LOST = 600.0  # so long after it, what Turnitin took and knows nothing of was not done
LATE_FAILURES = 60  # turns in a row that look in vain for what nobody waits for: at 10 minutes each, a night


def look_again(since: datetime) -> float:
    """Until the next look at what began at `since`: soon, then less and less often, after a day once an hour."""
    poll, age = settings.ENV.turnitin_poll_seconds, seconds_since(since)
    if age > DAY:
        return max(HOUR, poll)
    return max(min(FIRST_LOOK, poll), min(poll, age / 2))


def back_off(failures: int) -> float:
    """After so many failures in a row, 1 or more."""
    return float(min(FIRST_BACKOFF * 2 ** min(failures - 1, 20), settings.ENV.turnitin_poll_seconds))


def is_lost(uploaded_at: datetime) -> bool:
    """Whether what Turnitin seemed to take, and knows nothing of, can be sent again: something between has eaten it."""
    return seconds_since(uploaded_at) > LOST


def seconds_since(moment: datetime) -> float:
    return (timezone.now() - moment).total_seconds()

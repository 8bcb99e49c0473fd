from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from rest_framework import serializers


class Moment(serializers.DateTimeField):
    """A time with its offset. Without one it would be read in the server's own time zone."""

    default_error_messages = {"no_offset": "Give the time with its offset, as in 2027-01-31T08:00:00+01:00."}

    def enforce_timezone(self, value: datetime) -> datetime:
        if timezone.is_naive(value):
            self.fail("no_offset")
        return super().enforce_timezone(value)

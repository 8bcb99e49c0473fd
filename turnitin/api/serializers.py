"""The body of a delivery, strictly: what comes as text, true or null in place of a number was not meant as one."""

from __future__ import annotations

import unicodedata
from typing import Any

from rest_framework import serializers

from autonomy.api.strict import StrictSerializer
from turnitin import report_address

MOST_MATCHES = 10
MOST_WORDS = 1_000_000_000
# Letters that end a line or turn its direction: what follows would be read as something else.
_TURNING = frozenset("\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class Fraction(serializers.Field[float, Any, float, Any]):
    default_error_messages = {
        "invalid": "A valid number is required, such as 0.15; not as text.",
        "range": "Similarity is a fraction from 0 to 1.",
        "percent": "Similarity is a fraction from 0 to 1: write {fraction:g} for {percent:g} percent.",
    }

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        if 1 < data <= 100:
            self.fail("percent", fraction=data / 100, percent=data)
        if not 0 <= data <= 1:
            self.fail("range")
        return float(data)

    def to_representation(self, value: float) -> float:
        return value


class Address(serializers.Field[str, Any, str, Any]):
    def to_internal_value(self, data: Any) -> str:
        wrong = report_address.complaint(data) if isinstance(data, str) else "Enter a valid URL, as text."
        if wrong:
            raise serializers.ValidationError(wrong)
        return str(data)

    def to_representation(self, value: str) -> str:
        return value


class Line(serializers.CharField):
    """Text in one line."""

    default_error_messages = {"one_line": "It must be one line without control characters."}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        text = super().to_internal_value(data)
        if any(sign in _TURNING or unicodedata.category(sign) == "Cc" for sign in data):
            self.fail("one_line")
        return text


class Count(serializers.IntegerField):
    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return data


class MatchSerializer(StrictSerializer):
    """One of the sources that matched most. `words`: how many of the document's, null if that is not known."""

    name = Line(max_length=200)
    similarity = Fraction()
    source_type = Line(required=False, default="", allow_blank=True, max_length=40)
    words = Count(required=False, allow_null=True, default=None, min_value=0, max_value=MOST_WORDS)


class DeliverySerializer(StrictSerializer):
    cycle_id = serializers.UUIDField()
    report_url = Address()
    observed_similarity = Fraction(required=False, allow_null=True, default=None)
    human_uploader_id = Line(required=False, default="", allow_blank=True, max_length=200)
    top_matches = serializers.ListField(child=MatchSerializer(), required=False, default=list, max_length=MOST_MATCHES)

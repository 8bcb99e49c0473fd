from __future__ import annotations

from typing import Any

from rest_framework import serializers

from autonomy.api.strict import StrictSerializer


class Fraction(serializers.FloatField):
    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool):  # Python's True is the number 1
            self.fail("invalid")
        return super().to_internal_value(data)


class DeliverySerializer(StrictSerializer):
    cycle_id = serializers.UUIDField()
    report_url = serializers.URLField(max_length=2000)
    observed_similarity = Fraction(
        required=False,
        allow_null=True,
        default=None,
        min_value=0,
        max_value=1,
        error_messages={
            "max_value": "Similarity is a fraction from 0 to 1: write 0.15 for 15 percent.",
            "min_value": "Similarity is a fraction from 0 to 1.",
        },
    )
    human_uploader_id = serializers.CharField(required=False, default="", allow_blank=True, max_length=200)

    def validate_report_url(self, url: str) -> str:
        if not url.startswith("https://"):
            raise serializers.ValidationError("The report's address must start with https://.")
        if not url.isascii():
            raise serializers.ValidationError("Write other letters than ASCII in their percent-encoded form.")
        return url

"""The bodies of what may be asked of a run. What the services check is not checked twice."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from autonomy.api.moment import Moment
from autonomy.api.strict import StrictSerializer


class AsGiven(serializers.Field[Any, Any, Any, Any]):
    """A value that the service itself checks, strictly."""

    def to_internal_value(self, data: Any) -> Any:
        return data


class ReasonSerializer(StrictSerializer):
    reason = serializers.CharField(required=False, default="", allow_blank=True, max_length=1000)


class RaiseBudgetSerializer(ReasonSerializer):
    tokens = AsGiven(required=False, allow_null=True, default=None)
    seconds = AsGiven(required=False, allow_null=True, default=None)
    usd = AsGiven(required=False, allow_null=True, default=None)


class ForkSerializer(StrictSerializer):
    checkpoint_id = serializers.CharField(required=False, allow_null=True, default=None, max_length=64)
    patch: Any = serializers.DictField(required=False, allow_null=True, default=None)
    note = serializers.CharField(required=False, default="", allow_blank=True, max_length=1000)


class ScheduleSerializer(StrictSerializer):
    at = Moment()


class PrioritySerializer(StrictSerializer):
    priority = serializers.IntegerField(min_value=0, max_value=9)


class PageSerializer(StrictSerializer):
    """The query of a list: `?limit=50&before=…`."""

    limit = serializers.IntegerField(required=False, default=50, min_value=1, max_value=200)
    before = serializers.CharField(required=False, default=None, max_length=64)


class DiffSerializer(StrictSerializer):
    """The query of a difference: `?from=…&to=…`, two checkpoints."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {name: serializers.CharField(max_length=64) for name in ("from", "to")}

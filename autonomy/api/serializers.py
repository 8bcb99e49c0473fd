from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.template.defaultfilters import filesizeformat
from rest_framework import serializers
from rest_framework.exceptions import ParseError

from autonomy.api.moment import Moment
from autonomy.api.parsers import json_of
from autonomy.api.strict import StrictSerializer
from autonomy.services.start_run import GivenSource


class InlineSourceSerializer(StrictSerializer):
    title = serializers.CharField(max_length=300)
    text = serializers.CharField(trim_whitespace=False, max_length=2_000_000)


class StartSerializer(StrictSerializer):
    """`{user_id?, journey, task_spec, priority?, scheduled_at?}`.

    As multipart, task_spec is JSON text and `sources` are files.
    """

    user_id = serializers.IntegerField(required=False, allow_null=True, default=None)
    journey = serializers.CharField(max_length=64)
    task_spec = serializers.DictField()
    priority = serializers.IntegerField(required=False, default=5, min_value=0, max_value=9)
    scheduled_at = Moment(required=False, allow_null=True, default=None)
    sources = serializers.ListField(child=serializers.FileField(allow_empty_file=True), required=False, default=list)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, QueryDict):
            data = self._from_form(data)
        return super().to_internal_value(data)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs["task_spec"] = dict(attrs["task_spec"])
        inline = InlineSourceSerializer(data=attrs["task_spec"].pop("sources", []), many=True)
        if not inline.is_valid():
            raise serializers.ValidationError({"task_spec.sources": inline.errors})
        given = sum(file.size or 0 for file in attrs["sources"])
        if given > settings.ENV.autonomy_upload_max_total_bytes:
            bound = filesizeformat(settings.ENV.autonomy_upload_max_total_bytes)
            raise serializers.ValidationError({"sources": [f"All files together are larger than {bound}."]})
        attrs["sources"] = [
            *(_pasted(one) for one in inline.validated_data),
            *(_uploaded(file) for file in attrs["sources"]),
        ]
        return attrs

    @staticmethod
    def _from_form(form: QueryDict) -> dict[str, Any]:
        data: dict[str, Any] = {name: form.get(name) for name in form if name != "sources" and form.get(name)}
        data["sources"] = form.getlist("sources")
        try:
            data["task_spec"] = json_of(data.get("task_spec") or "null")
        except ParseError as error:
            raise serializers.ValidationError({"task_spec": [f"{error.detail}."]}) from None
        return data


def _pasted(one: dict[str, str]) -> GivenSource:
    name = one["title"].replace("/", "-").replace("\\", "-")
    return GivenSource(f"{name}.txt", one["text"].encode(), one["title"], "inline")


def _uploaded(file: UploadedFile[Any]) -> GivenSource:
    limit = settings.ENV.autonomy_upload_max_bytes
    if (file.size or 0) > limit:
        raise serializers.ValidationError({"sources": [f"{file.name} is larger than {filesizeformat(limit)}."]})
    return GivenSource(file.name or "upload.txt", file.read())

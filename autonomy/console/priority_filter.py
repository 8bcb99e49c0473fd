from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import QuerySet
from django.http import HttpRequest


class PriorityFilter(admin.SimpleListFilter):
    """From 0 to 9, not from the rows: asking a long queue which priorities it holds means reading it."""

    title = "priority"
    parameter_name = "priority"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [(str(priority), str(priority)) for priority in range(10)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        if self.value() not in {value for value, _ in self.lookup_choices}:
            raise IncorrectLookupParameters
        return queryset.filter(priority=self.value())

"""What the list of runs can be narrowed by. Each filter has an index; none asks the rows which values there are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from autonomy.journeys.registry import journeys
from autonomy.models import Run
from autonomy.models.run import NEEDS_PERSON
from autonomy.selectors.run_search import owners


class JourneyFilter(admin.SimpleListFilter):
    title = "journey"
    parameter_name = "journey"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [(one.name, one.title) for one in journeys().values()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        return queryset.filter(journey=self.value()) if self.value() else queryset


class NeedsFilter(admin.SimpleListFilter):
    title = "needs"
    parameter_name = "needs"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("person", "A person")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        if self.value() not in (None, "", "person"):
            raise IncorrectLookupParameters
        return queryset.filter(NEEDS_PERSON) if self.value() else queryset


class TypedFilter(admin.ListFilter):
    """A filter with fields of its own, in a form. `given` holds what came with the address, empty fields left out."""

    parameters: ClassVar[tuple[str, ...]] = ()
    help_text = ""

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: type[Run], model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        came = {name: params.pop(name)[-1].strip() for name in self.parameters if name in params}
        self.given: dict[str, str] = {name: value for name, value in came.items() if value}

    def has_output(self) -> bool:
        return True

    def expected_parameters(self) -> list[str | None]:
        return list(self.parameters)

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        yield from ()


class OwnerFilter(TypedFilter):
    title = "owner"
    parameters = ("owner",)
    help_text = "A user name, or a part of one."

    @property
    def inputs(self) -> list[dict[str, str]]:
        return [{"name": "owner", "label": "Owner", "type": "text", "value": self.given.get("owner", "")}]

    def said(self) -> str:
        return self.given["owner"]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        if "owner" not in self.given:
            return queryset
        return queryset.filter(user_id__in=[user.pk for user in owners(self.given["owner"])])


class CreatedFilter(TypedFilter):
    """Days are those of UTC; both ends of a range belong to it."""

    title = "created"
    parameters = ("created", "created_from", "created_to")
    spans: ClassVar[dict[str, tuple[str, int]]] = {
        "today": ("Today", 0), "week": ("Last 7 days", 6), "month": ("Last 30 days", 29),
    }  # fmt: skip

    @property
    def inputs(self) -> list[dict[str, str]]:
        return [
            {"name": name, "label": label, "type": "date", "value": self.given.get(name, "")}
            for name, label in (("created_from", "From"), ("created_to", "To"))
        ]

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        everything = dict.fromkeys(self.parameters)
        yield {"display": "Any time", "query_string": changelist.address(everything), "selected": not self.given}
        for name, (words, _) in self.spans.items():
            address = changelist.address({**everything, "created": name})
            yield {"display": words, "query_string": address, "selected": self.given == {"created": name}}

    def said(self) -> str:
        if "created" in self.given:
            return self.spans[self.given["created"]][0].lower()
        first, last = self.given.get("created_from"), self.given.get("created_to")
        return " ".join([*(["from", first] if first else []), *(["to", last] if last else [])])

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        try:
            first, end = self._days()
        except (ValueError, KeyError, OverflowError) as error:
            raise IncorrectLookupParameters from error
        if first:
            queryset = queryset.filter(created_at__gte=datetime.combine(first, time(), UTC))
        if end:
            queryset = queryset.filter(created_at__lt=datetime.combine(end, time(), UTC))
        return queryset

    def _days(self) -> tuple[date | None, date | None]:
        """The first day, and the one after the last. A range says more than a span of days."""
        first, last = self.given.get("created_from"), self.given.get("created_to")
        if first or last:
            self.given.pop("created", None)
        if "created" in self.given:
            return timezone.now().astimezone(UTC).date() - timedelta(days=self.spans[self.given["created"]][1]), None
        return (
            date.fromisoformat(first) if first else None,
            date.fromisoformat(last) + timedelta(days=1) if last else None,
        )

"""What a list shows: a page without a count of the rest, what it is narrowed by, and how far back it looks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

from django.contrib.admin.views.main import SEARCH_VAR
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.views import ChangeList

from autonomy.selectors.run_search import runs_named

MOST_PAGES = 200


class EndlessPaginator(Paginator):  # type: ignore[type-arg]
    """One row more than the page is read, to know whether there is a next one. Far down, a list is no way to find."""

    endless = True
    more = False

    @cached_property
    def count(self) -> int:
        return int(self.per_page) * MOST_PAGES

    def page(self, number: int | str) -> Page[Any]:
        number = self.validate_number(number)
        first = (number - 1) * self.per_page
        rows = list(self.object_list[first : first + self.per_page + 1])
        self.more = len(rows) > self.per_page
        return Page(rows[: self.per_page], number, self)


@dataclass(frozen=True)
class Chip:
    """Something the list is narrowed by, and the address of the list without just this."""

    name: str
    value: str
    without: str


class Rows(ChangeList):
    bounded = False
    query: str
    page_num: int
    list_per_page: int

    @property
    def given(self) -> dict[str, str]:
        """The filters that say something: a form also sends the fields that were left empty."""
        return {name: values[-1] for name, values in self.get_filters_params().items() if values[-1]}

    @property
    def narrowed(self) -> bool:
        return bool(self.query or self.given)

    def get_ordering_field(self, field_name: str) -> Any:
        """Django sorts by any column that an address names, also by those that the list does not offer."""
        if self.sortable_by is not None and field_name not in self.sortable_by:
            return None
        return super().get_ordering_field(field_name)

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        self.query = self.query.strip()
        rows: QuerySet[Any] = super().get_queryset(request, exclude_parameters)
        looked_at = self.model_admin.looked_at
        if not (looked_at and self.narrowed) or self.model_admin.few(self.given) or named_runs(request, self.query):
            return rows
        newest = self.root_queryset.order_by("-pk").values_list("pk", flat=True).first() or 0
        if newest <= looked_at:
            return rows
        self.bounded = True
        return rows.filter(pk__gt=newest - looked_at)

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        ordering: list[Any] = super().get_ordering(request, queryset)
        of_one_run: list[str] | None = getattr(self.model_admin, "of_one_run", None)
        if not of_one_run or not set(ordering) <= {"-id", "id"} or not self._of_one_run(request):
            return ordering
        return [name.removeprefix("-") for name in of_one_run] if ordering[0] == "id" else of_one_run

    def _of_one_run(self, request: HttpRequest) -> bool:
        return "run__id__exact" in self.given or len(named_runs(request, self.query)) == 1

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        # The two counts are the same, so that the page tells neither: nobody has counted.
        self.full_result_count = self.result_count

    def address(self, changed: dict[str, Any]) -> str:
        """The list's address with some of its parameters changed, those that become None left out."""
        return str(self.get_query_string(changed))

    @property
    def has_next(self) -> bool:
        return bool(self.paginator.more) and self.page_num < MOST_PAGES

    @property
    def at_the_last_page(self) -> bool:
        return bool(self.paginator.more) and self.page_num == MOST_PAGES

    @property
    def first_row(self) -> int:
        return (self.page_num - 1) * self.list_per_page + 1

    @property
    def last_row(self) -> int:
        return self.first_row + len(self.result_list) - 1

    @property
    def next_url(self) -> str:
        return self.address({"p": self.page_num + 1})

    @property
    def previous_url(self) -> str:
        return self.address({"p": self.page_num - 1} if self.page_num > 2 else {})

    @property
    def newest_url(self) -> str:
        return self.address({})

    @property
    def chips(self) -> list[Chip]:
        return list(self._chips())

    def _chips(self) -> Iterator[Chip]:
        if self.query:
            yield Chip("Search", self.query, self.address({SEARCH_VAR: None}))
        left = dict(self.given)
        for spec in self.filter_specs:
            names = [name for name in spec.expected_parameters() if name in left]
            if names:
                value = _chosen(spec, self) or ", ".join(left[name] for name in names)
                yield Chip(str(spec.title).capitalize(), value, self.address(dict.fromkeys(names)))
            for name in names:
                del left[name]
        for name, value in left.items():
            field = name.partition("__")[0]
            row = next(iter(self.result_list), None)
            said = str(getattr(row, field, value)) if row is not None else value
            yield Chip(field.replace("_", " ").capitalize(), said, self.address({name: None}))

    @property
    def filters(self) -> list[dict[str, Any]]:
        """For each filter: its title, choices as links, and the fields of its own form, if it has any."""
        return [self._filter(spec) for spec in self.filter_specs]

    def _filter(self, spec: Any) -> dict[str, Any]:
        own = set(spec.expected_parameters())
        return {
            "title": spec.title,
            "choices": [{**one, "all": not n} for n, one in enumerate(spec.choices(self))],
            "inputs": getattr(spec, "inputs", []),
            "help": getattr(spec, "help_text", ""),
            "kept": [(name, value) for name, value in self.params.items() if name not in own and value],
        }


def named_runs(request: HttpRequest, text: str) -> list[UUID]:
    """selectors/run_search.py asked once in a request."""
    told: dict[str, list[UUID]] = request.__dict__.setdefault("named_runs", {})
    if text not in told:
        told[text] = runs_named(text)
    return told[text]


def _chosen(spec: Any, rows: Rows) -> str:
    if hasattr(spec, "said"):
        return str(spec.said())
    return next((str(one["display"]) for one in spec.choices(rows) if one.get("selected")), "")

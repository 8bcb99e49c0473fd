"""What the engine writes, people read: admin pages and inlines without add, change or delete."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import messages
from django.contrib.admin.exceptions import DisallowedModelAdminLookup, DisallowedModelAdminToField
from django.contrib.admin.views.main import ERROR_FLAG, SEARCH_VAR
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import smart_split, unescape_string_literal
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import PaginationInlineFormSet

from autonomy.console.related import PermittedLinks
from autonomy.console.rows import EndlessPaginator, Rows, named_runs
from autonomy.selectors.run_search import of_runs_titled

INLINE_ROWS = 15
LONGEST = 200
NOT_UNDERSTOOD = (
    "Something in the address of this list cannot be understood: a filter, or the number of a page. The list is shown "
    "from its beginning, without filters."
)


class ReadOnly:
    """Permission to see stays Django's; nobody may change rows by hand, however many rights they have."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReadOnlyAdmin(ReadOnly, PermittedLinks, ModelAdmin):
    """Lists of tables that only grow: no count, and no look at all rows, whatever the address asks for."""

    change_list_template = "console/list.html"
    paginator = EndlessPaginator
    actions: ClassVar[list[str] | None] = None
    list_per_page = 50
    show_full_result_count = False
    list_fullwidth = True
    show_facets = "never"
    empty_value_display = "–"
    # Columns that lists never need: original bytes, whole documents.
    heavy: tuple[str, ...] = ()
    # So many of the newest rows are looked at where no index finds those that are asked for; None: all of them.
    looked_at: int | None = None
    # What other pages' links narrow the list by.
    linked: tuple[str, ...] = ("run__id__exact", "cycle__id__exact")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[Rows]:
        return Rows

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.defer(*self.heavy)

    def few(self, given: dict[str, str]) -> bool:
        """Whether an index leads from these filters to few rows."""
        return any(name in given for name in self.linked)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """The filters that the list offers and the links to it: any other lookup would read the whole table."""
        return lookup in self.linked or any(lookup in names_of(one) for one in self.get_list_filter(request))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        if trouble := unreadable(request):
            messages.warning(request, trouble)
            return redirect(request.path)
        if ERROR_FLAG in request.GET:
            messages.warning(request, NOT_UNDERSTOOD)
            return redirect(request.path)
        try:
            return super().changelist_view(request, extra_context)
        except (DisallowedModelAdminLookup, DisallowedModelAdminToField):
            messages.warning(request, NOT_UNDERSTOOD)
            return redirect(request.path)


def unreadable(request: HttpRequest) -> str:
    """Why a list's address cannot be read, in a sentence; empty if it can."""
    if len(request.GET.get(SEARCH_VAR, "")) > LONGEST:
        return f"A search takes up to {LONGEST} characters. The list is shown without it."
    if any("\0" in text or len(text) > LONGEST for values in request.GET.lists() for text in (values[0], *values[1])):
        return NOT_UNDERSTOOD
    return ""


def names_of(list_filter: Any) -> tuple[str, ...]:
    """The names in an address that a filter of the list answers to."""
    if isinstance(list_filter, type):
        return getattr(list_filter, "parameters", ()) or (getattr(list_filter, "parameter_name", ""),)
    name = list_filter if isinstance(list_filter, str) else list_filter[0]
    return name, f"{name}__exact", f"{name}__isempty"


class RunRows(ReadOnlyAdmin):
    """Rows that belong to runs, found by what `search_fields` say and by words of the run's title. So much of a run's
    id as nobody writes by chance means the rows of that run.
    """

    looked_at: int | None = 50_000
    list_select_related: ClassVar[list[str]] = ["run"]
    sortable_by: ClassVar[list[str]] = ["age"]
    # The way from a row to its run.
    run = "run"
    # The order "-id" means of the rows of one run, where an index has them in it: along the primary key, Postgres would
    # read all rows of all other runs between them.
    of_one_run: ClassVar[list[str]] = ["-id"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term:
            return queryset, False
        if named := named_runs(request, search_term):
            return queryset.filter(**{f"{self.run}_id__in": named}), False
        rows, titled = of_runs_titled(queryset, self.run, search_term)
        return rows.filter(self.own(search_term) | titled), False

    def own(self, text: str) -> Q:
        """What is true of rows that have each word of the text, or phrase in quotes, in one of their own fields."""
        found = Q()
        for word in smart_split(text):
            if word[0] in "\"'" and word[-1] == word[0]:
                word = unescape_string_literal(word)
            found &= reduce(or_, (Q(**{_lookup(name): word}) for name in self.search_fields))
        return found


def _lookup(name: str) -> str:
    return name if name.endswith("__startswith") else f"{name}__icontains"


class NewestRows(PaginationInlineFormSet):
    """The first rows in the inline's order; there may be thousands."""

    _queryset: QuerySet[Any]

    def get_queryset(self) -> QuerySet[Any]:
        if not hasattr(self, "_queryset"):
            super().get_queryset()
            self._queryset = self._queryset[:INLINE_ROWS]
        return self._queryset


class NewestInline(ReadOnly, PermittedLinks, TabularInline):
    """A bounded table on the page of what its rows belong to, with a link to the full list."""

    formset = NewestRows
    extra = 0
    tab = True
    show_change_link = True
    empty_value_display = "–"
    template_after = "console/link_to_all.html"
    heavy: tuple[str, ...] = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.defer(*self.heavy)

    @property
    def all_url(self) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")


def run_link(run_id: UUID, title: str) -> SafeString:
    address = reverse("admin:autonomy_run_change", args=[run_id])
    return format_html('<a class="text-link" href="{}">{}</a>', address, title)


def shortened(text: str, length: int = 160) -> str:
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"

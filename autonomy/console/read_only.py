"""What the engine writes, people read: admin pages and inlines without add, change or delete."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import PaginationInlineFormSet
from unfold.paginator import InfinitePaginator
from unfold.views import ChangeList

from autonomy.console.related import PermittedLinks

INLINE_ROWS = 15


class ReadOnly:
    """Permission to see stays Django's; nobody may change rows by hand, however many rights they have."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class Rows(ChangeList):
    """Without a filter the rows found are all there are; a second count would say the same."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not self.query and not self.has_active_filters:
            self.full_result_count = self.result_count


class ReadOnlyAdmin(ReadOnly, PermittedLinks, ModelAdmin):
    actions: ClassVar[list[str] | None] = None
    list_per_page = 50
    show_full_result_count = False
    list_fullwidth = True
    show_facets = "never"
    empty_value_display = "–"
    # Columns that lists never need: original bytes, whole documents.
    heavy: tuple[str, ...] = ()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[Rows]:
        return Rows

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.defer(*self.heavy)


class EndlessAdmin(ReadOnlyAdmin):
    """For tables that only grow: pages without a count of all rows."""

    paginator = InfinitePaginator


class NewestRows(PaginationInlineFormSet):
    """The first rows in the inline's order; a run may have thousands."""

    _queryset: QuerySet[Any]

    def get_queryset(self) -> QuerySet[Any]:
        if not hasattr(self, "_queryset"):
            super().get_queryset()
            self._queryset = self._queryset[:INLINE_ROWS]
        return self._queryset


class NewestInline(ReadOnly, PermittedLinks, TabularInline):
    """A bounded table on the run's page, with a link to the full list."""

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

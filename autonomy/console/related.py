"""Links to what a row refers to, only for those who may open them; others read the name alone."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.db.models import ForeignKey, Model
from django.http import HttpRequest
from unfold.decorators import display


class PermittedLinks:
    """For a ModelAdmin or an inline, before it among the bases. Django links every foreign key that has a page."""

    admin_site: AdminSite

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        for field in self._references():
            setattr(self, _in_words(field.name), display(description=field.verbose_name)(_Words(field.name)))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        closed = self._closed(request)
        told = super().get_fieldsets(request, obj)  # type: ignore[misc]
        if not closed:
            return told
        return [
            (name, {**options, "fields": [closed.get(str(field), field) for field in options["fields"]]})
            for name, options in told
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return [*super().get_readonly_fields(request, obj), *self._closed(request).values()]  # type: ignore[misc]

    def _closed(self, request: HttpRequest) -> dict[str, str]:
        """What to show in place of the fields that refer to what this person may not see."""
        return {field.name: _in_words(field.name) for field in self._references() if self._is_closed(request, field)}

    def _references(self) -> list[ForeignKey[Any, Any]]:
        return [field for field in self.opts.fields if isinstance(field, ForeignKey)]  # type: ignore[attr-defined]

    def _is_closed(self, request: HttpRequest, field: ForeignKey[Any, Any]) -> bool:
        page = self.admin_site._registry.get(field.remote_field.model)
        return page is not None and not page.has_view_permission(request)


class _Words:
    def __init__(self, field: str) -> None:
        self._field = field

    def __call__(self, row: Model) -> str:
        value = getattr(row, self._field)
        return "–" if value is None else str(value)


def _in_words(field: str) -> str:
    return f"{field}_in_words"

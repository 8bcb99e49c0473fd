"""Users, groups and API tokens in the console's look. A token is shown once, when it is made."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from rest_framework.authtoken.admin import TokenAdmin as RestTokenAdmin
from rest_framework.authtoken.models import TokenProxy
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

for model in (User, Group, TokenProxy):
    admin.site.unregister(model)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):  # type: ignore[type-arg]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_fullwidth = True


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    list_before_template = "console/groups_note.html"


@admin.register(TokenProxy)
class TokenAdmin(RestTokenAdmin, ModelAdmin):
    """The key is as good as a password: to see tokens must not mean to hold them."""

    list_display = ["user", "masked", "created"]
    list_select_related = ["user"]
    show_full_result_count = False

    @display(description="Key")
    def masked(self, token: TokenProxy) -> str:
        return f"{token.key[:4]}…"

    def has_change_permission(self, request: HttpRequest, obj: TokenProxy | None = None) -> bool:
        return False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return redirect("admin:authtoken_tokenproxy_changelist")

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return redirect("admin:authtoken_tokenproxy_changelist")

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> Any:
        page = super().delete_view(request, object_id, extra_context)
        if isinstance(page, TemplateResponse) and page.context_data and "object" in page.context_data:
            page.context_data["object"] = page.context_data["object"].user
        return page

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        named = [f"API token of {token.user}" for token in objs]
        return named, {"tokens": len(named)}, set(), []

    def response_add(self, request: HttpRequest, obj: TokenProxy, post_url_continue: str | None = None) -> HttpResponse:
        messages.success(request, f"The token of {obj.user}, shown this once: {obj.key}")
        return redirect("admin:authtoken_tokenproxy_changelist")

    def log_addition(self, request: HttpRequest, obj: TokenProxy, message: Any) -> Any:
        return super().log_change(request, obj.user, "An API token was made.")

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        return [super(TokenAdmin, self).log_change(request, one.user, "The API token was deleted.") for one in queryset]

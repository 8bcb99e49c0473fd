"""The console's addresses with those of a run's pages, so that a part can be rendered by itself."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpResponse
from django.urls import path

from config.urls import urlpatterns as ours

PAGES = ("draft", "checkpoints", "diff")
_parts = [
    path(f"autonomy/run/<uuid:run_id>/{name}/", lambda request, run_id: HttpResponse(), name=f"autonomy_run_{name}")
    for name in PAGES
]
urlpatterns = [path("admin/", ([*_parts, *admin.site.get_urls()], "admin", admin.site.name)), *ours]

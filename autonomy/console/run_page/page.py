"""The pages of one run: an overview that follows it live, and a page for each thing that takes more room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from autonomy.console.panel import panels_for
from autonomy.console.read_only import ReadOnlyAdmin
from autonomy.console.run_page import (
    budget,
    calls,
    checkpoints,
    diff,
    draft,
    facts,
    graph,
    header,
    log,
    sources,
    task,
    timeline,
)
from autonomy.models import Run

Read = Callable[[HttpRequest, Run], dict[str, Any]]


class RunPages(ReadOnlyAdmin):
    # Each is shown by the template of its name.
    pages: ClassVar[dict[str, Read]] = {
        "draft": draft.read,
        "checkpoints": checkpoints.read,
        "diff": diff.read,
        "calls": calls.read,
        "sources": sources.read,
        "log": log.read,
        "task": task.read,
    }

    def get_urls(self) -> list[Any]:
        def view(of: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
            return self.admin_site.admin_view(require_safe(of))

        return [
            path("<uuid:run_id>/live/", view(self.live_view), name="autonomy_run_live"),
            *(
                path(f"<uuid:run_id>/{name}/", view(self.page_view), {"name": name}, name=f"autonomy_run_{name}")
                for name in self.pages
            ),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The overview. Nothing is changed here: see the verbs."""
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        run = self.get_object(request, object_id)
        if not self.has_view_permission(request, run):
            raise PermissionDenied
        if run is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[no-any-return]
        newest = log.newest(request, run) if request.user.has_perm("autonomy.view_episode") else None
        context = {**_overview(request, run), "log": _part(request, run, "newest", newest)}
        return self._page(request, run, "change", "console/run/overview.html", context)

    def live_view(self, request: HttpRequest, run_id: UUID) -> HttpResponse:
        """What of the overview changes while the run goes on, for the script that follows it."""
        run = self._run(request, run_id)
        context = {"run": run, "header": header.read(request, run, "change"), **_overview(request, run)}
        return TemplateResponse(request, "console/run/live.html", context, headers={"Cache-Control": "no-store"})

    def page_view(self, request: HttpRequest, run_id: UUID, name: str) -> HttpResponse:
        run = self._run(request, run_id)
        needed = header.permission(name)
        if needed and not request.user.has_perm(needed):
            raise PermissionDenied
        context = {"part": _part(request, run, name, self.pages[name](request, run))}
        return self._page(request, run, name, "console/run/part.html", context)

    def _run(self, request: HttpRequest, run_id: UUID) -> Run:
        if not self.has_view_permission(request):
            raise PermissionDenied
        run: Run | None = self.get_object(request, str(run_id))
        if run is None:
            raise Http404("There is no such run.")
        return run

    def _page(self, request: HttpRequest, run: Run, name: str, template: str, context: dict[str, Any]) -> HttpResponse:
        return TemplateResponse(
            request,
            template,
            {
                **self.admin_site.each_context(request),
                "title": run.title,
                "run": run,
                "header": header.read(request, run, name),
                "is_fullwidth": "1",
                **context,
            },
        )


def _overview(request: HttpRequest, run: Run) -> dict[str, Any]:
    may_see_steps = request.user.has_perm("autonomy.view_episode")
    parts = {
        "graph": graph.read(request, run),
        "timeline": timeline.read(request, run) if may_see_steps else None,
        "budget": budget.read(request, run),
        "facts": facts.read(request, run),
    }
    return {
        "parts": {name: _part(request, run, name, part) for name, part in parts.items()},
        "panels": panels_for(request, run),
    }


def _part(request: HttpRequest, run: Run, name: str, context: dict[str, Any] | None) -> SafeString | str:
    """Rendered by itself: the names of one part are nothing to the others."""
    if context is None:
        return ""
    return render_to_string(f"console/run/{name}.html", {**context, "run": run}, request)

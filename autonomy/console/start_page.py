"""The page that starts a run. A form that is sent twice starts one; sent with another button, it starts none."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.views.decorators.http import require_POST

from autonomy.console import filled_form
from autonomy.console.cost import cost
from autonomy.console.filled_form import Filled
from autonomy.console.read_only import ReadOnlyAdmin
from autonomy.console.source_fields import given_sources
from autonomy.errors import IdempotencyMismatch, InvalidInput
from autonomy.graph.build import build
from autonomy.journeys.registry import journeys
from autonomy.services.start_run import start_run


class StartPage(ReadOnlyAdmin):
    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Adding a run means starting it: see add_view."""
        return request.user.has_perm("autonomy.add_run")

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(require_POST(self.estimate_view))
        return [path("add/estimate/", view, name="autonomy_run_estimate"), *super().get_urls()]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form that starts a run."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            answer = self._sent(request)
        else:
            answer = filled_form.empty(filled_form.journey_of(request.GET.get("journey")), request.user)
        if isinstance(answer, HttpResponse):
            return answer
        return TemplateResponse(
            request,
            "console/start.html",
            {
                **self.admin_site.each_context(request),
                "title": "Start a run",
                "opts": self.opts,
                **_context(answer),
                **(extra_context or {}),
            },
        )

    def estimate_view(self, request: HttpRequest) -> HttpResponse:
        """The part of the page that tells the cost, for a form that is being filled in. Files are named by `sizes`."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        filled = filled_form.sent(request)
        sizes = [*filled_form.sizes_told(request.POST), *filled.sizes]
        return TemplateResponse(request, "console/start/cost.html", {"cost": cost(filled.form, sizes)})

    def _sent(self, request: HttpRequest) -> Filled | HttpResponse:
        if (name := request.POST.get("change")) in journeys():
            return filled_form.for_journey(request, str(name))
        button = request.POST.get("do")
        if button == "fill":
            return filled_form.from_json(request)
        filled = filled_form.sent(request)
        if button == "check":
            return filled_form.checked(filled)
        if filled.fits():
            try:
                return self._start(request, filled)
            except InvalidInput as error:
                filled.form.take_errors(error)
            except IdempotencyMismatch as error:
                filled.started_before = UUID(error.details["run_id"])
                filled.form.take_new_key()
        return filled

    def _start(self, request: HttpRequest, filled: Filled) -> HttpResponse:
        form, wanted = filled.form, uuid4()
        run, _ = start_run(
            owner=form.cleaned_data["owner"],
            journey=form.cleaned_data["journey"],
            task_spec=form.task_spec(),
            sources=given_sources(form.cleaned_data["source_files"], [one.cleaned_data for one in filled.pasted]),
            actor=request.user,  # type: ignore[arg-type]
            priority=form.cleaned_data["priority"],
            scheduled_at=form.cleaned_data["scheduled_at"],
            idempotency_key=form.cleaned_data["idempotency_key"] or None,
            run_id=wanted,
        )
        if run.pk == wanted:
            self.log_addition(request, run, "Started from the console.")
            messages.success(request, f"The run “{run.title}” is queued.")
        else:
            messages.info(request, f"The form was sent twice; it started one run: “{run.title}”.")
        seen = self.has_view_permission(request)
        return redirect("admin:autonomy_run_change", run.pk) if seen else redirect("admin:autonomy_run_add")


def _context(filled: Filled) -> dict[str, Any]:
    form = filled.form
    return {
        "filled": filled,
        "form": form,
        "pasted": filled.pasted,
        "errors": filled.errors,
        "asked": filled.asked,
        "journeys": list(journeys().values()),
        "chosen": form.chosen,
        "own": [form[one.name] for one in form.own],
        "usual_steps": form.chosen.graph is build,
        "had_files": bool(filled.files),
        "started_before": filled.started_before,
        "cost": cost(form, filled.sizes),
        "max_bytes": settings.ENV.autonomy_upload_max_bytes,
    }

"""The page that starts a run. A form that is sent twice starts one."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.forms import BaseFormSet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from autonomy.console.read_only import ReadOnlyAdmin
from autonomy.console.start_form import PastedSources, StartForm
from autonomy.errors import IdempotencyMismatch, InvalidInput
from autonomy.services.start_run import start_run


class StartPage(ReadOnlyAdmin):
    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Adding a run means starting it: see add_view."""
        return request.user.has_perm("autonomy.add_run")

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form that starts a run."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        posted = request.method == "POST"
        data, files = (request.POST, request.FILES) if posted else (None, None)
        form = StartForm(data, files, user=request.user)
        pasted: BaseFormSet[Any] = PastedSources(data, prefix="pasted")
        started_before: UUID | None = None
        if posted and form.is_valid() & pasted.is_valid():
            try:
                return self._start(request, form, pasted)
            except InvalidInput as error:
                form.take_errors(error)
            except IdempotencyMismatch as error:
                started_before = UUID(error.details["run_id"])
                form.take_new_key()
        return TemplateResponse(
            request,
            "console/start.html",
            {
                **self.admin_site.each_context(request),
                "title": "Start a run",
                "opts": self.opts,
                "form": form,
                "pasted": pasted,
                "had_files": bool(request.FILES),
                "started_before": started_before,
                **(extra_context or {}),
            },
        )

    def _start(self, request: HttpRequest, form: StartForm, pasted: BaseFormSet[Any]) -> HttpResponse:
        wanted = uuid4()
        run, _ = start_run(
            owner=form.cleaned_data["owner"],
            journey=form.cleaned_data["journey"],
            task_spec=form.task_spec(),
            sources=form.given_sources([one.cleaned_data for one in pasted]),
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

"""A page for each verb: what it does and its form. GET shows, POST does."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.views.decorators.http import require_http_methods

from autonomy.console.read_only import ReadOnlyAdmin
from autonomy.console.verb import VERBS, Verb
from autonomy.console.verb_form import VerbForm
from autonomy.errors import AutonomyError, InvalidInput, NotFound, NotPermitted
from autonomy.models import Run
from autonomy.selectors.permission import run_permitted_to


class VerbPages(ReadOnlyAdmin):
    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(require_http_methods(["GET", "HEAD", "POST"])(self.verb_view))
        return [
            *(
                path(f"<uuid:run_id>/{verb.name}/", view, {"verb": verb}, name=f"autonomy_run_{verb.name}")
                for verb in VERBS
            ),
            *super().get_urls(),
        ]

    def verb_view(self, request: HttpRequest, run_id: UUID, verb: Verb) -> HttpResponse:
        run = _run(request, run_id, verb)
        if request.method == "POST":
            form = verb.form(run, request.POST)
            if form.is_valid() and (answer := self._ask(request, run, verb, form)):
                return answer
        elif why_not := verb.why_not(run):
            messages.warning(request, why_not)
            return self._back(request, run)
        else:
            form = verb.form(run, initial={"checkpoint_id": request.GET.get("checkpoint", "")})
        return TemplateResponse(
            request,
            "console/verb.html",
            {
                **self.admin_site.each_context(request),
                "title": verb.button,
                "opts": self.opts,
                "run": run,
                "verb": verb,
                "form": form,
                "may_view": self.has_view_permission(request),
            },
        )

    def _ask(self, request: HttpRequest, run: Run, verb: Verb, form: VerbForm) -> HttpResponse | None:
        """What the service is asked and how that is answered; None if the form has fields to mend."""
        try:
            done = verb.service(run_id=run.pk, actor=request.user, **form.asked())
        except InvalidInput as error:
            form.take_errors(error)
            return None
        except AutonomyError as error:
            messages.error(request, error.message)
            return self._back(request, run)
        if not verb.why_not(run):  # else it was so before
            self.log_change(request, run, verb.logged)
        if done.pk != run.pk:
            self.log_addition(request, done, "Forked from the console.")
        messages.success(request, verb.told(done))
        return self._back(request, done)

    def _back(self, request: HttpRequest, run: Run) -> HttpResponse:
        if self.has_view_permission(request):
            return redirect("admin:autonomy_run_change", run.pk)
        return redirect("admin:index")


def _run(request: HttpRequest, run_id: UUID, verb: Verb) -> Run:
    try:
        return run_permitted_to(request.user, run_id, verb.act)
    except NotFound:
        raise Http404("There is no such run.") from None
    except NotPermitted:
        raise PermissionDenied from None

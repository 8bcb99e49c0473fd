"""Documents at Turnitin: what is under way, what is stuck and why, and a look at the report."""

from __future__ import annotations

from typing import Any, cast

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from autonomy.console import figures
from autonomy.console.read_only import RunRows, run_link, shortened
from autonomy.errors import AutonomyError
from turnitin.console.hand_off import SUBMISSION_LABELS
from turnitin.core_api import hint
from turnitin.core_api.viewer import viewer_url
from turnitin.documents import download_report
from turnitin.models import Submission


@admin.register(Submission)
class SubmissionAdmin(RunRows):
    run = "cycle__run"
    list_display = [
        "hand_off",
        "run_title",
        "state_label",
        "stands_in_the_way",
        "similarity_there",
        "opened",
        "next_look",
    ]
    list_display_links = None
    list_filter = ["state", ("overdue_at", admin.EmptyFieldListFilter)]
    search_fields = ["turnitin_id"]
    search_help_text = "Search by the id at Turnitin, or the run's title or id"
    list_select_related = ["cycle__run"]
    heavy = ("cycle__run__task_spec",)
    ordering = ["-id"]
    sortable_by = ["opened"]
    fieldsets = [
        (None, {"fields": ["cycle", "state", "turnitin_id", "trouble", "failures", "similarity_there"]}),
        ("Times", {"fields": ["opened_at", "uploaded_at", "completed_at", "overdue_at", "due_at"]}),
    ]

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/viewer/", wrap(self.viewer_view), name="turnitin_submission_viewer"),
            path("<int:pk>/ask/", wrap(self.ask_view), name="turnitin_submission_ask"),
            path("<int:pk>/report.pdf", wrap(self.pdf_view), name="turnitin_submission_pdf"),
            *super().get_urls(),
        ]

    def viewer_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """To the report in Turnitin's viewer. A POST: each link is made for who asks, and is good for a short time.

        A page that leads there, no redirect: only this site may answer a form (config/csp.py), also after redirects.
        Where the viewer is, Turnitin says with each link.
        """
        submission = self._asked(request, pk, "turnitin.view_cycle")
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            address = viewer_url(submission.cycle, cast(User, request.user))
        except AutonomyError as error:
            messages.error(request, error.message)
            return _back(request, submission)
        context = {**self.admin_site.each_context(request), "title": "The report at Turnitin", "address": address}
        headers = {"Refresh": f"0;url={address}"}
        return TemplateResponse(request, "console/viewer.html", context, headers=headers)

    def ask_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Make it due: a worker asks Turnitin within seconds."""
        submission = self._asked(request, pk, "turnitin.deliver_report")
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if settings.ENV.turnitin_mode != "core_api":
            messages.error(request, "Turnitin is not asked any more: TURNITIN_MODE is manual.")
            return _back(request, submission)
        with transaction.atomic():
            if hint.ask_now(submission, cast(User, request.user)):
                self.log_change(request, submission, "Had Turnitin asked now.")
        messages.success(request, "Turnitin is asked within seconds; load the page again to see what it says.")
        return _back(request, submission)

    def pdf_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        submission = self._asked(request, pk, "turnitin.view_cycle")
        try:
            return download_report(submission.cycle)
        except (OSError, ValueError):
            raise Http404("There is no PDF of this report.") from None

    def _asked(self, request: HttpRequest, pk: int, permission: str) -> Submission:
        if not request.user.has_perm(permission):
            raise PermissionDenied
        return get_object_or_404(Submission.objects.select_related("cycle__run"), pk=pk)

    @display(description="Run")
    def run_title(self, submission: Submission) -> SafeString:
        return run_link(submission.cycle.run_id, submission.cycle.run.title)

    @display(description="Hand-off")
    def hand_off(self, submission: Submission) -> SafeString:
        """To the cycle's page: what can be done is there."""
        address = reverse("admin:turnitin_cycle_change", args=[submission.cycle_id])
        return format_html('<a class="text-link" href="{}">Hand-off\u00a0{}</a>', address, submission.cycle.number)

    @display(description="State", label=SUBMISSION_LABELS)
    def state_label(self, submission: Submission) -> tuple[str, str]:
        return submission.state, submission.get_state_display()

    @display(description="In the way")
    def stands_in_the_way(self, submission: Submission) -> str:
        return shortened(submission.trouble) or "–"

    @display(description="Similarity")
    def similarity_there(self, submission: Submission) -> str:
        return figures.similarity(submission.similarity)

    @display(description="Opened", ordering="-id")
    def opened(self, submission: Submission) -> SafeString | str:
        return figures.age(submission.opened_at)

    @display(description="Next look")
    def next_look(self, submission: Submission) -> SafeString | str:
        return figures.to_come(submission.due_at)


def _back(request: HttpRequest, submission: Submission) -> HttpResponse:
    if request.user.has_perm("turnitin.view_cycle"):
        return redirect("admin:turnitin_cycle_change", submission.cycle_id)
    return redirect("admin:index")

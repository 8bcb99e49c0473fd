from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.safestring import SafeString
from unfold.decorators import display

from autonomy.console import figures
from autonomy.console.read_only import RunRows, run_link
from autonomy.errors import AutonomyError, Conflict, NoPdf
from autonomy.selectors.run_search import id_span
from turnitin.console.hand_off import STATE_LABELS, labelled_state, told
from turnitin.console.hand_offs import deliveries_of
from turnitin.console.outlook import needs_person
from turnitin.console.report import ReportInline
from turnitin.console.report_form import ReportForm
from turnitin.deliver_report import deliver_report
from turnitin.documents import CONTENT_TYPES, download
from turnitin.models import Cycle, Report, Submission


@admin.register(Cycle)
class CycleAdmin(RunRows):
    list_display = ["hand_off", "state_label", "run_title", "owner", "observed", "target", "waiting", "closed_at"]
    list_filter = ["state"]
    # Searched otherwise: see own().
    search_fields = ["id"]
    # Found by indexes, however old.
    looked_at = None
    search_help_text = "Search by the run's title or id, or the cycle's id"
    list_select_related = ["run__user"]
    heavy = ("run__task_spec",)
    ordering = ["-opened_at"]
    sortable_by = ["waiting"]
    inlines = [ReportInline]
    change_form_outer_before_template = "console/cycle_top.html"
    fieldsets = [
        (None, {"fields": ["run", "id", "number", "state", "observed", "target", "report"]}),
        ("Times", {"fields": ["opened_at", "report_at", "closed_at", "withdrawn_at", "resume_job"]}),
    ]

    def own(self, text: str) -> Q:
        span = id_span(text)
        return Q(pk__range=span) if span else Q(pk__in=[])

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        return [
            path("<uuid:cycle_id>/report/", wrap(self.report_view), name="turnitin_cycle_report"),
            *(
                path(
                    f"<uuid:cycle_id>/document.{ending}",
                    wrap(self.document_view),
                    {"ending": ending},
                    name=f"turnitin_cycle_{ending}",
                )
                for ending in CONTENT_TYPES
            ),
            *super().get_urls(),
        ]

    def report_view(self, request: HttpRequest, cycle_id: UUID) -> HttpResponse:
        """The form that delivers a report: figures first, then a look at what they mean, then the delivery."""
        if not request.user.has_perm("turnitin.deliver_report"):
            raise PermissionDenied
        cycle = get_object_or_404(Cycle.objects.select_related("run"), pk=cycle_id)
        form = ReportForm(request.POST or None)
        confirming = False
        if request.method == "POST" and form.is_valid():
            if "deliver" in request.POST:
                return self._deliver(request, cycle, form)
            confirming = "change" not in request.POST
        elif request.method != "POST" and (cycle.state not in Cycle.OPEN or cycle.withdrawn_at):
            state = "withdrawn" if cycle.withdrawn_at else cycle.get_state_display()
            messages.warning(request, f"This cycle is {state}: no report can be delivered for it.")
            return self._back(request, cycle)
        submission = getattr(cycle, "submission", None)
        return TemplateResponse(
            request,
            "console/report.html",
            {
                **self.admin_site.each_context(request),
                "title": "Deliver the originality report",
                "opts": self.opts,
                "cycle": cycle,
                "fetched": cycle.state == Cycle.State.AWAITING_REPORT and not needs_person(submission),
                "target": figures.similarity(cycle.target_similarity),
                "form": form,
                "confirming": confirming,
                "figure": figures.similarity(form.cleaned_data["observed_similarity"]) if confirming else "",
                "within": confirming and form.cleaned_data["observed_similarity"] <= cycle.target_similarity,
            },
        )

    def _deliver(self, request: HttpRequest, cycle: Cycle, form: ReportForm) -> HttpResponse:
        """The delivery and its line in the admin log, both or neither."""
        delivery, counted = form.cleaned_data, cycle.report_id
        figure = figures.similarity(delivery["observed_similarity"])
        with transaction.atomic():
            try:
                report = deliver_report(
                    run_id=cycle.run_id,
                    cycle_id=cycle.pk,
                    via=Report.Via.CONSOLE,
                    actor=cast(User, request.user),
                    **delivery,
                )
            except Conflict as error:
                self.log_change(request, cycle, f"Delivered a report too late: similarity {figure}.")
                messages.error(request, error.message)
            except AutonomyError as error:
                messages.error(request, error.message)
            else:
                cycle.refresh_from_db()
                if cycle.report_id != report.pk:
                    messages.warning(request, _why_it_does_not_count(cycle))
                elif counted == report.pk:
                    messages.info(request, "This report was delivered before; nothing has changed.")
                else:
                    self.log_change(request, cycle, f"Delivered a report: similarity {figure}.")
                    messages.success(request, f"The report is delivered: similarity {figure}. {_what_follows(cycle)}")
        return self._back(request, cycle)

    def _back(self, request: HttpRequest, cycle: Cycle) -> HttpResponse:
        if request.user.has_perm("autonomy.view_run"):
            return redirect("admin:autonomy_run_change", cycle.run_id)
        if self.has_view_permission(request):
            return redirect("admin:turnitin_cycle_change", cycle.pk)
        return redirect("admin:index")

    def document_view(self, request: HttpRequest, cycle_id: UUID, ending: str) -> HttpResponseBase:
        """Whoever may see the cycle gets its documents."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        cycle = get_object_or_404(Cycle.objects.select_related("run"), pk=cycle_id)
        try:
            return download(cycle, ending)
        except (OSError, ValueError):
            raise Http404("The document is not in the store.") from None
        except NoPdf as error:
            messages.error(request, error.message)
            return redirect("admin:turnitin_cycle_change", cycle.pk)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        page = super().change_view(request, object_id, form_url, extra_context)
        if isinstance(page, TemplateResponse) and page.context_data is not None:
            cycle = page.context_data["original"]
            page.context_data["hand_off"] = told(cycle, request.user, deliveries_of([cycle]).get(cycle.pk, ()))
        return page

    @display(description="Hand-off")
    def hand_off(self, cycle: Cycle) -> str:
        return f"Hand-off\u00a0{cycle.number}"

    @display(description="State", label=STATE_LABELS)
    def state_label(self, cycle: Cycle) -> tuple[str, str]:
        return labelled_state(cycle)

    @display(description="Run")
    def run_title(self, cycle: Cycle) -> SafeString:
        return run_link(cycle.run_id, cycle.run.title)

    @display(description="Owner")
    def owner(self, cycle: Cycle) -> str:
        return cycle.run.user.get_username()

    @display(description="Similarity")
    def observed(self, cycle: Cycle) -> str:
        return figures.similarity(cycle.observed_similarity)

    @display(description="Target similarity")
    def target(self, cycle: Cycle) -> str:
        return figures.similarity(cycle.target_similarity)

    @display(description="Opened", ordering="-opened_at")
    def waiting(self, cycle: Cycle) -> SafeString | str:
        return figures.age(cycle.opened_at)


def _submission(cycle: Cycle) -> Submission | None:
    return Submission.objects.filter(cycle=cycle).first()


def _what_follows(cycle: Cycle) -> str:
    if cycle.run.ended:
        return "The run has ended; it uses the report if it is retried."
    return "The run goes on with it."


def _why_it_does_not_count(cycle: Cycle) -> str:
    figure = figures.similarity(cycle.observed_similarity)
    said = f"This report was delivered before, and was corrected since: the similarity of {figure} counts."
    if cycle.state != Cycle.State.REPORT_READY:
        return said
    return f"{said} To go back to this one, deliver it with another address, for instance with #2 at its end."

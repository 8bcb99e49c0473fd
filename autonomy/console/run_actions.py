"""What can be done to many runs at once from their list: first a page that says to which, then, confirmed, each run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe

from autonomy.console import figures, status
from autonomy.console.bulk_form import BulkForm, RaiseForm
from autonomy.console.read_only import ReadOnlyAdmin, shortened
from autonomy.console.verb import CANCEL, RAISE, RETRY, Verb
from autonomy.errors import AutonomyError
from autonomy.models import Run
from autonomy.selectors.permission import may, may_somewhere

# Each run is a transaction of its own, and the browser waits for all of them.
MOST = 200
NAMED = 20
LINE = mark_safe("<br>")


@dataclass(frozen=True)
class Bulk:
    """A verb for many runs. `phrase` and `done` stand before how many they are, `note` is said after it was done."""

    action: str
    verb: Verb
    phrase: str
    done: str
    sentence: str
    note: str = ""
    form: type[BulkForm] = BulkForm


CANCEL_MANY = Bulk(
    "cancel_selected",
    CANCEL,
    "Cancel",
    "Cancelled",
    "Each ends for good, at the latest when the step that is under way is done. The drafts so far are kept; reports "
    "that come later are refused.",
    note="One that a worker is at ends at the next boundary.",
)
RETRY_MANY = Bulk(
    "retry_selected",
    RETRY,
    "Retry",
    "Retried",
    "Each goes on from its last checkpoint, with fresh attempts. What was done is not done again.",
)
RAISE_MANY = Bulk(
    "raise_selected",
    RAISE,
    "Raise the limits of",
    "Raised the limits of",
    "Limits are only raised, never lowered. A run that ended because one was used up then goes on from its last "
    "checkpoint.",
    form=RaiseForm,
)


class RunActions(ReadOnlyAdmin):
    actions: ClassVar[list[str] | None] = ["cancel_selected", "retry_selected", "raise_selected"]

    @property
    def media(self) -> forms.Media:
        """Without the script of the admin's own bar of actions: the list has another one."""
        theirs = super().media
        return forms.Media(
            css=theirs._css, js=[one for one in theirs._js if not str(one).endswith("admin/js/actions.js")]
        )

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return may_somewhere(request.user, CANCEL.act)

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return may_somewhere(request.user, RETRY.act)

    def has_raise_permission(self, request: HttpRequest) -> bool:
        return may_somewhere(request.user, RAISE.act)

    @admin.action(description="Cancel", permissions=["cancel"])
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[Run]) -> HttpResponse | None:
        return self._confirm(request, queryset, CANCEL_MANY)

    @admin.action(description="Retry", permissions=["retry"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[Run]) -> HttpResponse | None:
        return self._confirm(request, queryset, RETRY_MANY)

    @admin.action(description="Raise limits", permissions=["raise"])
    def raise_selected(self, request: HttpRequest, queryset: QuerySet[Run]) -> HttpResponse | None:
        return self._confirm(request, queryset, RAISE_MANY)

    def response_action(self, request: HttpRequest, queryset: QuerySet[Run]) -> HttpResponse | None:
        """Confirmed runs are taken by their ids alone: they may have left the list's filters meanwhile."""
        try:
            chosen = [UUID(one) for one in request.POST.getlist(ACTION_CHECKBOX_NAME)]
        except ValueError:
            messages.error(request, "What was chosen cannot be read; nothing has been done. Choose the runs again.")
            return redirect(request.get_full_path())
        if "confirmed" in request.POST:
            queryset = self.get_queryset(request).filter(pk__in=chosen).order_by(*self.ordering)
        answer: HttpResponse | None = super().response_action(request, queryset)
        return answer

    def _confirm(self, request: HttpRequest, queryset: QuerySet[Run], bulk: Bulk) -> HttpResponse | None:
        runs = list(queryset.select_related("user")[: MOST + 1])
        if len(runs) > MOST:
            messages.error(request, f"Choose at most {MOST} runs at once; nothing has been done.")
            return None
        confirmed = "confirmed" in request.POST
        form = bulk.form(runs, request.POST) if confirmed else bulk.form(runs)
        if confirmed and form.is_valid():
            self._each(request, runs, bulk, form)
            return redirect(request.get_full_path())
        told = [(run, _why_not(request, run, bulk.verb)) for run in runs]
        return TemplateResponse(
            request,
            "console/bulk.html",
            {
                **self.admin_site.each_context(request),
                "title": f"{bulk.phrase} {_runs(len(runs))}",
                "opts": self.opts,
                "bulk": bulk,
                "verb": bulk.verb,
                "form": form,
                "fit": [_line(run) for run, why_not in told if not why_not],
                "unfit": [{**_line(run), "why_not": why_not} for run, why_not in told if why_not],
                "button": f"{bulk.phrase} {_runs(sum(not why_not for _, why_not in told))}",
                "list_url": request.get_full_path(),
            },
        )

    def _each(self, request: HttpRequest, runs: list[Run], bulk: Bulk, form: BulkForm) -> None:
        done, refused = 0, []
        for run in runs:
            if why_not := self._do(request, run, bulk.verb, form):
                refused.append(f"“{shortened(run.title, 60)}”: {why_not}")
            else:
                done += 1
        if done:
            messages.success(request, f"{bulk.done} {_runs(done)}. {bulk.note}".strip())
        if refused:
            more = [f"And {len(refused) - NAMED} more."] if len(refused) > NAMED else []
            lines = [f"Nothing was done to {_runs(len(refused))}.", *refused[:NAMED], *more]
            messages.warning(request, format_html_join(LINE, "{}", ((line,) for line in lines)))

    def _do(self, request: HttpRequest, run: Run, verb: Verb, form: BulkForm) -> str:
        """Why it was not done, in a sentence; empty if it was."""
        if why_not := _why_not(request, run, verb):
            return why_not
        asked = form.asked(run)
        if asked is None:
            return "None of its limits is below what was asked for."
        try:
            verb.service(run_id=run.pk, actor=request.user, **asked)
        except AutonomyError as error:
            return error.message
        self.log_change(request, run, verb.logged)
        return ""


def _why_not(request: HttpRequest, run: Run, verb: Verb) -> str:
    if not may(request.user, run, verb.act):
        return f"It is somebody else's, and you do not have the permission autonomy.{verb.act}."
    return verb.why_not(run)


def _line(run: Run) -> dict[str, Any]:
    return {"run": run, "badge": status.badge(run), "spends": [one.text for one in figures.spends(run)]}


def _runs(count: int) -> str:
    return f"{count} run{'s' if count != 1 else ''}"

"""What can be done to many runs at once from their list."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe

from autonomy.console.read_only import ReadOnlyAdmin, shortened
from autonomy.console.verb import CANCEL, RETRY, Verb
from autonomy.errors import AutonomyError
from autonomy.models import Run
from autonomy.selectors.permission import may, may_somewhere

# Each run is a transaction of its own, and the browser waits for all of them.
MOST = 200
NAMED = 20
LINE = mark_safe("<br>")


class RunActions(ReadOnlyAdmin):
    actions: ClassVar[list[str] | None] = ["cancel_selected", "retry_selected"]

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return may_somewhere(request.user, CANCEL.act)

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return may_somewhere(request.user, RETRY.act)

    @admin.action(description="Cancel the selected runs", permissions=["cancel"])
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        self._each(request, queryset, CANCEL, "Cancelled", "One that a worker is at ends at the next boundary.")

    @admin.action(description="Retry the selected failed runs", permissions=["retry"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        self._each(request, queryset, RETRY, "Retried", "")

    def _each(self, request: HttpRequest, queryset: QuerySet[Run], verb: Verb, word: str, note: str) -> None:
        runs = list(queryset[: MOST + 1])
        if len(runs) > MOST:
            messages.error(request, f"Choose at most {MOST} runs at once; nothing has been done.")
            return
        done, refused = 0, []
        for run in runs:
            if why_not := self._do(request, run, verb):
                refused.append(f"“{shortened(run.title, 60)}”: {why_not}")
            else:
                done += 1
        if done:
            messages.success(request, f"{word}: {_runs(done)}. {note}".strip())
        if refused:
            more = [f"And {len(refused) - NAMED} more."] if len(refused) > NAMED else []
            lines = [f"Not {word.lower()}: {_runs(len(refused))}.", *refused[:NAMED], *more]
            messages.warning(request, format_html_join(LINE, "{}", ((line,) for line in lines)))

    def _do(self, request: HttpRequest, run: Run, verb: Verb) -> str:
        """Why it was not done, in a sentence; empty if it was."""
        if not may(request.user, run, verb.act):
            return f"It is somebody else's, and you do not have the permission autonomy.{verb.act}."
        if why_not := verb.why_not(run):
            return why_not
        try:
            verb.service(run_id=run.pk, actor=request.user)
        except AutonomyError as error:
            return error.message
        self.log_change(request, run, verb.logged)
        return ""


def _runs(count: int) -> str:
    return f"{count} run{'s' if count != 1 else ''}"

from __future__ import annotations

from django.contrib import admin
from django.utils.safestring import SafeString
from unfold.decorators import display

from autonomy.console import figures
from autonomy.console.priority_filter import PriorityFilter
from autonomy.console.read_only import RunRows, run_link, shortened
from autonomy.models import Job

STATE_LABELS = {"queued": "info", "running": "primary", "done": "success", "failed": "danger", "cancelled": "default"}
# Those of the queue itself: an index leads to them, however old they are.
LIVE = ("queued", "running")


@admin.register(Job)
class JobAdmin(RunRows):
    list_display = [
        "kind", "state_label", "run_title", "priority", "attempts", "scheduled_at", "worker", "error_line", "age",
    ]  # fmt: skip
    list_filter = ["state", "kind", PriorityFilter]
    search_fields = ["worker", "last_error"]
    search_help_text = "Search by the run's title or id, the worker, or the error"
    heavy = ("run__task_spec",)
    ordering = ["-id"]
    fieldsets = [
        (None, {"fields": ["run", "kind", "state", "priority", "attempts", "last_error"]}),
        ("Lease", {"fields": ["worker", "lease_expires_at"]}),
        ("Times", {"fields": ["created_at", "scheduled_at", "started_at", "finished_at"]}),
    ]

    def few(self, given: dict[str, str]) -> bool:
        return given.get("state__exact") in LIVE or super().few(given)

    @display(description="State", label=STATE_LABELS)
    def state_label(self, job: Job) -> tuple[str, str]:
        return job.state, job.get_state_display()

    @display(description="Run")
    def run_title(self, job: Job) -> SafeString:
        return run_link(job.run_id, job.run.title)

    @display(description="Attempts")
    def attempts(self, job: Job) -> str:
        return f"{job.attempt} of {job.max_attempts}"

    @display(description="Last error")
    def error_line(self, job: Job) -> str:
        return shortened(job.last_error, 90)

    @display(description="Age", ordering="-id")
    def age(self, job: Job) -> SafeString | str:
        return figures.age(job.created_at)

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from unfold.decorators import display

from autonomy.console import checkpoint_state, figures
from autonomy.console.read_only import RunRows, run_link
from autonomy.console.verb import FORK
from autonomy.models import Checkpoint
from autonomy.selectors.permission import may


@admin.register(Checkpoint)
class CheckpointAdmin(RunRows):
    list_display = ["checkpoint_id", "run_title", "superstep", "origin", "namespace", "age"]
    search_fields = ["checkpoint_id__startswith"]
    search_help_text = "Search by checkpoint id, or by the run's title or id"
    heavy = ("checkpoint", "run__task_spec")
    ordering = ["-id"]
    change_form_outer_before_template = "console/checkpoint_top.html"
    change_form_outer_after_template = "console/checkpoint_bottom.html"
    fields = ["run", "checkpoint_id", "parent_checkpoint_id", "namespace", "superstep", "origin", "created_at"]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        page = super().change_view(request, object_id, form_url, extra_context)
        if isinstance(page, TemplateResponse) and page.context_data is not None:
            checkpoint = page.context_data["original"]
            page.context_data["may_fork"] = not checkpoint.namespace and may(request.user, checkpoint.run, FORK.act)
            page.context_data |= checkpoint_state.read(checkpoint)
        return page

    @display(description="Run")
    def run_title(self, checkpoint: Checkpoint) -> SafeString:
        return run_link(checkpoint.run_id, checkpoint.run.title)

    @display(description="Superstep")
    def superstep(self, checkpoint: Checkpoint) -> Any:
        return checkpoint.metadata.get("step")

    @display(description="Origin")
    def origin(self, checkpoint: Checkpoint) -> Any:
        return checkpoint.metadata.get("source")

    @display(description="Age", ordering="-id")
    def age(self, checkpoint: Checkpoint) -> SafeString | str:
        return figures.age(checkpoint.created_at)

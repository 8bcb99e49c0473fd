from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.safestring import SafeString
from unfold.decorators import display

from autonomy.console import figures
from autonomy.console.read_only import EndlessAdmin, run_link
from autonomy.models import Checkpoint


@admin.register(Checkpoint)
class CheckpointAdmin(EndlessAdmin):
    list_display = ["checkpoint_id", "run_title", "superstep", "origin", "namespace", "age"]
    search_fields = ["checkpoint_id", "run__title", "run__id__startswith"]
    search_help_text = "Search by checkpoint id, or by the run's title or id"
    list_select_related = ["run"]
    heavy = ("checkpoint", "run__task_spec")
    ordering = ["-id"]
    fields = [
        "run", "checkpoint_id", "parent_checkpoint_id", "namespace", "superstep", "origin", "metadata", "checkpoint",
        "created_at",
    ]  # fmt: skip

    @display(description="Run", ordering="run__title")
    def run_title(self, checkpoint: Checkpoint) -> SafeString:
        return run_link(checkpoint.run_id, checkpoint.run.title)

    @display(description="Superstep")
    def superstep(self, checkpoint: Checkpoint) -> Any:
        return checkpoint.metadata.get("step")

    @display(description="Origin")
    def origin(self, checkpoint: Checkpoint) -> Any:
        return checkpoint.metadata.get("source")

    @display(description="Age", ordering="-created_at")
    def age(self, checkpoint: Checkpoint) -> SafeString | str:
        return figures.age(checkpoint.created_at)

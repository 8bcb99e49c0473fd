from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.decorators import display

from autonomy.console import figures
from autonomy.console.read_only import RunRows, run_link, shortened
from autonomy.episodes.kinds import Kind
from autonomy.graph.state import NODES
from autonomy.models import Episode


class KindFilter(admin.SimpleListFilter):
    """From the list of kinds, not from the rows: asking a long log what it holds means reading it."""

    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [(kind.value, kind.value.replace("_", " ")) for kind in Kind]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Episode]) -> QuerySet[Episode]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


class NodeFilter(admin.SimpleListFilter):
    title = "node"
    parameter_name = "node"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [(node, node) for node in NODES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Episode]) -> QuerySet[Episode]:
        return queryset.filter(node=self.value()) if self.value() else queryset


@admin.register(Episode)
class EpisodeAdmin(RunRows):
    list_display = ["number", "run_title", "kind", "node", "message_line", "actor", "age"]
    list_filter = [KindFilter, NodeFilter]
    search_fields = ["message"]
    search_help_text = "Search by message, or by the run's title or id"
    list_select_related = ["run", "actor"]
    heavy = ("data", "run__task_spec")
    ordering = ["-id"]
    of_one_run = ["-seq"]
    fields = ["run", "seq", "kind", "node", "attempt", "message", "data", "actor", "created_at"]

    @display(description="Number")
    def number(self, episode: Episode) -> str:
        return f"#{episode.seq}"

    @display(description="Run")
    def run_title(self, episode: Episode) -> SafeString:
        return run_link(episode.run_id, episode.run.title)

    @display(description="Message")
    def message_line(self, episode: Episode) -> str:
        return shortened(episode.message)

    @display(description="Age", ordering="-id")
    def age(self, episode: Episode) -> SafeString | str:
        return figures.age(episode.created_at)

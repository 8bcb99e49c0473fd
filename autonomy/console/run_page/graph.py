"""The graph as a picture: where the run is, and which way it took."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from autonomy.console.nodes import TITLES
from autonomy.console.run_page.drawing import NARROW, PLACES, USUAL, WIDE, WORDS, Layout
from autonomy.models import Run
from autonomy.selectors.path import path

_STOPPED = {
    Run.Outcome.FAILED: ("failed", "failed here"),
    Run.Outcome.CANCELLED: ("stopped", "cancelled here"),
    Run.Outcome.BUDGET_EXCEEDED: ("stopped", "stopped at a limit"),
}
_ENDS = {Run.Outcome.ACCEPTED: "accepted", Run.Outcome.REVISIONS_EXHAUSTED: "no revision left"}


def read(request: HttpRequest, run: Run) -> dict[str, Any]:
    taken = {(edge["from"], edge["to"]): edge["count"] for edge in path(run)}
    nodes = [_node(run, name, taken) for name in PLACES]
    edges = [*USUAL, *sorted(edge for edge in taken if edge not in USUAL and set(edge) <= set(PLACES))]
    return {
        "pictures": [_picture(layout, nodes, edges, taken) for layout in (WIDE, NARROW)],
        "begun": bool(taken),
        "pruned": bool(run.episodes_pruned_at),
        "linked": request.user.has_perm("autonomy.view_episode"),
    }


def _node(run: Run, name: str, taken: dict[tuple[str, str], int]) -> dict[str, Any]:
    came = sum(count for (origin, target), count in taken.items() if target == name != origin)
    went = sum(count for (origin, target), count in taken.items() if origin == name != target)
    # No edge leads to the node where a run begins, nor from the one where it is.
    state, words = _state(run, name, max(came, went))
    address = reverse("admin:autonomy_run_log", args=[run.pk])
    return {
        "name": name,
        "title": TITLES[name],
        "state": state,
        "words": words,
        "current": state in ("now", "waits", "next", "failed", "stopped") or (name == "END" and state == "done"),
        "address": f"{address}?node={name}" if name != "END" else address,
    }


def _state(run: Run, name: str, times: int) -> tuple[str, str]:
    here = run.route == name
    if here and run.outcome in _STOPPED:
        return _STOPPED[Run.Outcome(run.outcome)]
    if here and run.ended:
        return "done", _ENDS.get(Run.Outcome(run.outcome), "done")
    if here and run.status == Run.Status.WAITING_HUMAN:
        return "waits", "waits for report"
    if here and run.status == Run.Status.RUNNING:
        return "now", "now"
    if here:
        return "next", "next"
    if not times:
        return "ahead", "not known" if run.episodes_pruned_at else "not reached"
    return "done", "done" if times == 1 else f"done {times} times"


def _picture(
    layout: Layout, nodes: list[dict[str, Any]], edges: list[tuple[str, str]], taken: dict[tuple[str, str], int]
) -> dict[str, Any]:
    width, height = layout.size
    # What was taken is drawn over what was not.
    in_order = sorted(edges, key=lambda edge: taken.get(edge, 0))
    return {
        "name": layout.name,
        "width": width,
        "height": height,
        "box": (layout.width, layout.height),
        "nodes": [{**node, "x": at[0], "y": at[1]} for node in nodes for at in [layout.corner(node["name"])]],
        "arrows": [_arrow(layout, edge, taken.get(edge, 0)) for edge in in_order],
    }


def _arrow(layout: Layout, edge: tuple[str, str], count: int) -> dict[str, Any]:
    line, (x, y) = layout.arrow(*edge)
    words = WORDS.get(edge, "")
    told = f"{words} ×{count}".strip() if count > 1 else words
    anchor = "middle" if not layout.vertical else ("start" if x > layout.before else "end")
    return {"line": line, "taken": count > 0, "words": told, "x": f"{x:g}", "y": f"{y:g}", "anchor": anchor}

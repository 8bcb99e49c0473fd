"""A journey whose nodes do next to nothing, for tests of the engine: five supersteps with a pause in the middle,
and as many more for each report above the target."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from autonomy.graph.build import Graph
from autonomy.graph.nodes import turnitin_pause as pausing
from autonomy.graph.routing import next_node
from autonomy.graph.state import NODES, GraphState
from autonomy.journeys.journey import Journey
from autonomy.ports import NodeContext

# How often each node of each run was executed: what a side effect outside the database would have done.
executed: Counter[tuple[str, str]] = Counter()
_lock = threading.Lock()
# Called in every node before it returns; a test may replace it, and puts it back.
inside: dict[str, Callable[[str], None]] = {}


def _count(state: GraphState, node: str) -> None:
    with _lock:
        executed[state["run_id"], node] += 1
    inside.get(node, lambda run_id: None)(state["run_id"])


def plan(state: GraphState) -> dict[str, Any]:
    _count(state, "plan")
    return {"plan": {"title": "Quick", "sections": [], "words": 100}, "sources": [], "route": "draft"}


def draft(state: GraphState) -> dict[str, Any]:
    _count(state, "draft")
    return {"draft": {"markdown": "Text.", "sections": [], "words": 1, "writers": ["quick"]}, "route": "turnitin_pause"}


def turnitin_pause(state: GraphState, runtime: Runtime[NodeContext]) -> dict[str, Any]:
    """The real one; counted when it has its report."""
    resumed = pausing.turnitin_pause(state, runtime)
    _count(state, "turnitin_pause")
    return resumed


def critic(state: GraphState, runtime: Runtime[NodeContext]) -> dict[str, Any]:
    _count(state, "critic")
    report, revision, handoff = state["last_observation"], state.get("revision", 0), runtime.context.handoff
    observed, note = report["observed_similarity"], runtime.context.episodes.note
    if observed <= runtime.context.target_similarity:
        handoff.accept(report["cycle_id"])
        note("similarity_accepted", "Not too similar.", observed_similarity=observed)
        return {"last_verdict": {"accepted": True, "outcome": "accepted", "note": ""}, "route": "END"}
    handoff.reject(report["cycle_id"])
    note("similarity_rejected", "Too similar.", observed_similarity=observed)
    verdict: dict[str, Any] = {"accepted": False, "note": "Too similar."}
    if revision < runtime.context.max_revisions:
        return {"last_verdict": verdict, "revision": revision + 1, "route": "plan"}
    return {"last_verdict": verdict | {"outcome": "revisions_exhausted"}, "route": "END"}


def research(state: GraphState) -> dict[str, Any]:
    raise AssertionError("the quick journey does no research")


def build() -> Graph:
    graph = StateGraph(GraphState, context_schema=NodeContext)
    for node in (plan, research, draft, critic, turnitin_pause):
        graph.add_node(node.__name__, node)
    for origin in (START, *NODES):
        graph.add_conditional_edges(origin, next_node, [*NODES, END])
    return graph.compile()


JOURNEYS = [Journey("quick", "Quick", "For tests of the engine.", graph=build)]

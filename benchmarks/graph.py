"""The graph that Autonomy and both LangGraph peers run, the very same: five trivial nodes under the names Autonomy's
engine knows, in place of models, sources and reports."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from autonomy.graph.routing import next_node
from autonomy.graph.state import NODES, GraphState
from benchmarks.work import text_of

Compiled = CompiledStateGraph[GraphState, Any, GraphState, GraphState]


def build(checkpointer: Any = None) -> Compiled:
    graph = StateGraph(GraphState)
    for position, name in enumerate(NODES):
        graph.add_node(name, _node(position))
    for origin in (START, *NODES):
        graph.add_conditional_edges(origin, next_node, [*NODES, END])
    return graph.compile(checkpointer=checkpointer)


def first_state(run_id: str) -> dict[str, Any]:
    """As Autonomy's start_run writes it."""
    return {"run_id": run_id, "task": {"topic": "bench", "node_seconds": 0.0}, "route": NODES[0], "revision": 0}


def _node(position: int) -> Callable[[GraphState], dict[str, Any]]:
    def node(state: GraphState) -> dict[str, Any]:
        if seconds := state["task"]["node_seconds"]:
            time.sleep(seconds)
        changed: dict[str, Any] = {"draft": {"markdown": text_of(state["run_id"], position)}}
        if position + 1 < len(NODES):
            return changed | {"route": NODES[position + 1]}
        return changed | {"route": "END", "last_verdict": {"accepted": True, "outcome": "accepted", "note": ""}}

    return node

"""A journey of five trivial nodes under the names the engine knows, in place of models, sources and reports."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from langgraph.graph import END, START, StateGraph
from pydantic import Field, StrictFloat

from autonomy.graph.build import Graph
from autonomy.graph.routing import next_node
from autonomy.graph.state import NODES, GraphState
from autonomy.journeys.journey import Journey, TaskSpec
from autonomy.ports import NodeContext
from benchmarks.work import text_of


class BenchSpec(TaskSpec):
    node_seconds: StrictFloat = Field(default=0.0, ge=0, description="How long each node waits, as for a model.")


def build() -> Graph:
    graph = StateGraph(GraphState, context_schema=NodeContext)
    for position, name in enumerate(NODES):
        graph.add_node(name, _node(position))
    for origin in (START, *NODES):
        graph.add_conditional_edges(origin, next_node, [*NODES, END])
    return graph.compile()


def _node(position: int) -> Callable[[GraphState], dict[str, Any]]:
    def node(state: GraphState) -> dict[str, Any]:
        if seconds := state["task"]["node_seconds"]:
            time.sleep(seconds)
        changed: dict[str, Any] = {"draft": {"markdown": text_of(state["run_id"], position)}}
        if position + 1 < len(NODES):
            return changed | {"route": NODES[position + 1]}
        return changed | {"route": "END", "last_verdict": {"accepted": True, "outcome": "accepted", "note": ""}}

    return node


JOURNEYS = [Journey("bench", "Bench", "Five steps that only change the state.", BenchSpec, graph=build)]

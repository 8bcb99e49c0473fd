"""A journey that writes fifty sections side by side, each by one call of the model."""

from __future__ import annotations

from collections.abc import Callable
from operator import add
from typing import Annotated, Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Send

from autonomy.graph.build import Graph
from autonomy.graph.nodes.turnitin_pause import turnitin_pause
from autonomy.graph.state import NODES, GraphState
from autonomy.journeys.journey import Journey
from autonomy.ports import ModelRequest, NodeContext

SECTIONS = 50
# Called with each section before it is asked for; a test may replace it.
before: list[Callable[[int], None]] = []


class State(GraphState, total=False):
    written: Annotated[list[int], add]


def plan(state: State) -> dict[str, Any]:
    return {"route": "draft"}


def section(state: dict[str, Any], runtime: Runtime[NodeContext]) -> dict[str, Any]:
    for call in before:
        call(state["number"])
    material = {"number": state["number"], "passages": [{"text": "Sea walls. ", "key": "walls"}]}
    runtime.context.model.answer(ModelRequest("section", "Write.", material, {"type": "object"}))
    return {"written": [state["number"]]}


def draft(state: State) -> dict[str, Any]:
    assert sorted(state["written"]) == list(range(SECTIONS))
    return {"route": "END", "last_verdict": {"accepted": True, "outcome": "accepted", "note": ""}}


def unused(state: State) -> dict[str, Any]:
    raise AssertionError("this journey does not go there")


def build() -> Graph:
    graph = StateGraph(State, context_schema=NodeContext)
    for node in (plan, draft, turnitin_pause):
        graph.add_node(node.__name__, node)
    for name in ("research", "critic"):
        graph.add_node(name, unused)
    graph.add_node("section", section)
    graph.add_conditional_edges(START, lambda state: state["route"], [*NODES])
    graph.add_conditional_edges("plan", lambda state: [Send("section", {"number": n}) for n in range(SECTIONS)])
    graph.add_edge("section", "draft")
    graph.add_edge("draft", END)
    return graph.compile()


JOURNEYS = [Journey("fan_out", "Fan-out", "For tests of nodes that run side by side.", graph=build)]

"""The graph: five nodes, and one rule for what comes next: the route in the state."""

from __future__ import annotations

from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from autonomy.graph.nodes.critic import critic
from autonomy.graph.nodes.draft import draft
from autonomy.graph.nodes.plan import plan
from autonomy.graph.nodes.research import research
from autonomy.graph.nodes.turnitin_pause import turnitin_pause
from autonomy.graph.routing import next_node
from autonomy.graph.state import NODES, GraphState
from autonomy.ports import NodeContext

Graph = CompiledStateGraph[GraphState, NodeContext, GraphState, GraphState]


def build(checkpointer: BaseCheckpointSaver[Any] | None = None) -> Graph:
    graph = StateGraph(GraphState, context_schema=NodeContext)
    for node in (plan, research, draft, critic, turnitin_pause):
        graph.add_node(node.__name__, node)
    for origin in (START, *NODES):
        graph.add_conditional_edges(origin, next_node, [*NODES, END])
    return graph.compile(checkpointer=checkpointer)

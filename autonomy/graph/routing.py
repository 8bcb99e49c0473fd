from __future__ import annotations

from langgraph.graph import END

from autonomy.graph.state import NODES, GraphState


def next_node(state: GraphState) -> str:
    """The node named by the state's route. An unknown route is a bug and raises."""
    route = state["route"]
    if route == "END":
        return END
    if route not in NODES:
        raise ValueError(f"unknown route {route!r}")
    return route

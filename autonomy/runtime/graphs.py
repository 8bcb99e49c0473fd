from __future__ import annotations

from functools import cache
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver

from autonomy.graph.build import Graph
from autonomy.journeys.registry import journey_named


def graph_on(saver: BaseCheckpointSaver[Any], journey: str) -> Graph:
    """The journey's compiled graph, bound to a checkpointer. Raises UnknownJourney."""
    return _compiled(journey).copy(update={"checkpointer": saver})


@cache
def _compiled(journey: str) -> Graph:
    """Compiled once a process."""
    return journey_named(journey).graph()

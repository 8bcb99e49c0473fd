from __future__ import annotations

from functools import cache
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver

from autonomy.graph.build import Graph, build

_compiled = cache(build)


def graph_on(saver: BaseCheckpointSaver[Any]) -> Graph:
    """The compiled graph, bound to a checkpointer. Compiling happens once a process."""
    return _compiled().copy(update={"checkpointer": saver})

from __future__ import annotations

from uuid import UUID

from autonomy.checkpoints.staged import StagedSaver
from autonomy.graph.state import GraphState
from autonomy.models import statements
from autonomy.runtime.graphs import graph_on


def seed(run_id: UUID, state: GraphState, *, is_new: bool = False) -> str:
    """The run's first checkpoint, written once; later calls change nothing. Returns the newest checkpoint's id.

    `is_new`: the run is inserted in this very transaction, and nobody else can have seeded it.
    """
    saver = StagedSaver(str(run_id), is_new=is_new)
    if saver.current is None:
        graph = graph_on(saver, state["journey"])
        graph.update_state({"configurable": {"thread_id": str(run_id)}}, dict(state), as_node="__start__")
        statements.execute(statements.PUT, {"run": run_id, **saver.take().parameters()})
    assert saver.current is not None
    return saver.current.checkpoint["id"]

from __future__ import annotations

from uuid import UUID

from django.db import connection, transaction

from autonomy.checkpoints.staged import StagedSaver
from autonomy.graph.state import GraphState
from autonomy.runtime.graphs import graph_on


def seed(run_id: UUID, state: GraphState) -> str:
    """The run's first checkpoint, written once; later calls change nothing. Returns the newest checkpoint's id."""
    saver = StagedSaver(str(run_id))
    if saver.current is None:
        graph = graph_on(saver, state["journey"])
        graph.update_state({"configurable": {"thread_id": str(run_id)}}, dict(state), as_node="__start__")
        with transaction.atomic(), connection.cursor() as cursor:
            saver.flush(cursor)
    assert saver.current is not None
    return saver.current.checkpoint["id"]

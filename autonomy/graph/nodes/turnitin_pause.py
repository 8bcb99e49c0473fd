from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime
from langgraph.types import interrupt

from autonomy.graph.state import GraphState
from autonomy.ports import Document, NodeContext
from autonomy.text import citations


def turnitin_pause(state: GraphState, runtime: Runtime[NodeContext]) -> dict[str, Any]:
    """Hand the document off and pause. The node runs again from its start when the report has come."""
    markdown = citations.with_plain_ats(state["draft"]["markdown"])
    cited = set(citations.keys(markdown))
    cycle = runtime.context.handoff.open(
        Document(
            title=state["plan"]["title"],
            markdown=f"{markdown.rstrip()}\n\n*{citations.plain(colophon(state))}*\n",
            references=[
                {**source["csl"], "id": source["key"]} for source in state["sources"] if source["key"] in cited
            ],
            number=state.get("revision", 0) + 1,
        )
    )
    report = interrupt({"cycle_id": cycle["cycle_id"], "number": cycle["number"]})
    return {"last_observation": {"kind": "originality_report", **report}, "route": "critic"}


def colophon(state: GraphState) -> str:
    """Who wrote it: a document says so itself, wherever it goes."""
    writers = state["draft"]["writers"]
    alone = all(writer.startswith("offline") for writer in writers)
    note = ": an arrangement of quotations and pointers, no more" if alone else ""
    return f"Drafted by Autonomy with {', '.join(writers)}{note}."

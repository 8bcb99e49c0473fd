from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from autonomy.graph import drafts
from autonomy.graph.prompts import section as prompt
from autonomy.graph.state import GraphState
from autonomy.ports import ModelAnswer, ModelRequest, NodeContext
from autonomy.text import citations

# The share of a draft that may be quotation. Each revision halves it: quote less, cite more, rethink.
QUOTE_SHARE = 0.7


def draft(state: GraphState, runtime: Runtime[NodeContext]) -> dict[str, Any]:
    """Write the next section, and come back until all are there: each is committed before the next is paid for."""
    episodes, plan, before = runtime.context.episodes, state["plan"], state.get("draft") or {}
    written, writers = drafts.under_way(before)
    planned = plan["sections"]
    # A fork whose plan was cut down to what is there already has nothing more to write.
    if len(written) < len(planned):
        section = planned[len(written)]
        answer = _answer(state, runtime.context, section, written)
        written = [*written, {"id": section["id"], "markdown": answer.content["markdown"].strip()}]
        writers = [*writers, f"{answer.provider} ({answer.model})"]
        message = f"Section {len(written)} of {len(planned)} is drafted: {section['heading']}."
        episodes.note("progress", message, done=len(written), total=len(planned))
    if len(written) < len(planned):
        return {"draft": drafts.go_on(before, plan, written, writers), "route": "draft"}
    done = drafts.put_together(plan, written, writers)
    episodes.note("drafted", f"The draft has {done['words']} words in {len(written)} sections.", words=done["words"])
    return {**drafts.finished(done), "route": "critic"}


def _answer(
    state: GraphState, context: NodeContext, section: dict[str, Any], written: list[dict[str, str]]
) -> ModelAnswer:
    """The section, from its own passages only; what the sections before it quoted is not quoted again."""
    plan, revision = state["plan"], state.get("revision", 0)
    verdict = state.get("last_verdict") or {}
    passages = {
        passage["id"]: {"id": passage["id"], "key": source["key"], "title": source["title"],
                        "author": _author(source["csl"]), "text": passage["text"]}
        for source in state["sources"]
        for passage in source["passages"]
    }  # fmt: skip
    share_of_words = plan["words"] / max(1, sum(one["words"] for one in plan["sections"]))
    return context.model.answer(
        ModelRequest(
            purpose="section",
            instructions=prompt.INSTRUCTIONS,
            material={
                "topic": state["task"]["topic"],
                "heading": section["heading"],
                "question": section["question"],
                "words": round(section["words"] * share_of_words),
                "passages": [passages[passage] for passage in section["passages"]],
                "note": _note(verdict, section["heading"]),
                "revision": revision,
                "redraft": verdict.get("redrafts", 0),
                "quote_share": round(QUOTE_SHARE / 2**revision, 3),
                "avoid": [quotation for one in written for quotation in citations.quotations(one["markdown"])],
            },
            answer_schema=prompt.SCHEMA,
        )
    )


def _note(verdict: dict[str, Any], heading: str) -> str:
    """What the critic wants changed in this section, or in the whole."""
    failures = [f["message"] for f in verdict.get("failures", []) if f["section"] in ("", heading)]
    return " ".join([verdict.get("note", ""), *failures]).strip()


def _author(csl: dict[str, Any]) -> str:
    names = [
        name.get("literal") or f"{name.get('given', '')} {name.get('family', '')}" for name in csl.get("author", [])
    ]
    return ", ".join(name.strip() for name in names)

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from autonomy.errors import NoUsableSource, ProviderUnavailable
from autonomy.graph.prompts import plan as prompt
from autonomy.graph.searching import go_on_without, look_for
from autonomy.graph.state import GraphState
from autonomy.ports import ModelRequest, NodeContext

WORKS_ON_TOPIC = 10


def plan(state: GraphState, runtime: Runtime[NodeContext]) -> dict[str, Any]:
    """Look for sources if that is asked for, read them, then decide the sections and what to look for in each."""
    context, task = runtime.context, state["task"]
    query, searched = " ".join(task["topic"].split()), state.get("searched", [])
    failure = None
    if task.get("web_search") and query not in searched:
        try:
            look_for(context, query, WORKS_ON_TOPIC)
            return {"searched": [*searched, query], "route": "plan"}
        except ProviderUnavailable as error:
            failure = error
    notes = context.library.read()
    usable = [note for note in notes if not note.skipped]
    if failure:
        if not usable:
            raise failure
        go_on_without(context, query, failure)
    if not usable:
        if not notes:
            raise NoUsableSource(
                "The search found nothing on this topic that could be quoted, and the run has no sources of its own. "
                "Start a new run with a source, or with a topic in other words.",
                topic=task["topic"],
            )
        reasons = {note.filename: note.skipped for note in notes}
        told = "; ".join(f"{name}: {reason.rstrip('.')}" for name, reason in list(reasons.items())[:3])
        more = f" and {len(reasons) - 3} more" if len(reasons) > 3 else ""
        raise NoUsableSource(
            f"None of the run's sources could be read ({told}{more}). Start a new run with one that can.",
            sources=reasons,
        )
    revision = state.get("revision", 0)
    answer = context.model.answer(
        ModelRequest(
            purpose="plan",
            instructions=prompt.INSTRUCTIONS,
            material={
                "topic": task["topic"],
                "sections": task.get("sections", []),
                "words": task["words"],
                "sources": [
                    {
                        "key": note.key,
                        "title": note.title,
                        "headings": note.headings,
                        "excerpt": note.excerpt,
                        "words": note.words,
                    }
                    for note in usable
                ],
                "note": (state.get("last_verdict") or {}).get("note", ""),
                "revision": revision,
            },
            answer_schema=prompt.SCHEMA,
        )
    )
    # Only what was asked for: the state holds nothing else that a model may have added.
    sections = [
        {"id": f"s{number}", **{name: section[name] for name in ("heading", "question", "words", "queries")}}
        for number, section in enumerate(answer.content["sections"], start=1)
    ]
    context.episodes.note(
        "planned",
        f"{len(sections)} sections are planned from {len(usable)} sources.",
        title=answer.content["title"],
        sections=[section["heading"] for section in sections],
        revision=revision,
    )
    return {
        "plan": {"title": task.get("title") or answer.content["title"], "words": task["words"], "sections": sections},
        "sources": [{"key": note.key, "title": note.title, "csl": note.csl, "passages": []} for note in usable],
        "route": "research",
    }

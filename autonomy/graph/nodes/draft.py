from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from langgraph.runtime import Runtime

from autonomy.graph.prompts import section as prompt
from autonomy.graph.state import GraphState
from autonomy.ports import ModelRequest, NodeContext
from autonomy.text import citations

# The share of a draft that may be quotation. Each revision halves it: quote less, cite more, rethink.
QUOTE_SHARE = 0.7


def draft(state: GraphState, runtime: Runtime[NodeContext]) -> dict[str, Any]:
    """Write the sections one after the other, each from its own passages only."""
    context, plan = runtime.context, state["plan"]
    verdict = state.get("last_verdict") or {}
    revision = state.get("revision", 0)
    passages = {
        passage["id"]: {"id": passage["id"], "key": source["key"], "title": source["title"],
                        "author": _author(source["csl"]), "text": passage["text"]}
        for source in state["sources"]
        for passage in source["passages"]
    }  # fmt: skip
    share_of_words = plan["words"] / max(1, sum(section["words"] for section in plan["sections"]))
    drafted: list[dict[str, str]] = []
    writers: list[str] = []
    avoid: list[str] = []
    for number, section in enumerate(plan["sections"], start=1):
        answer = context.model.answer(
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
                    "avoid": avoid,
                },
                answer_schema=prompt.SCHEMA,
            )
        )
        markdown = answer.content["markdown"].strip()
        writers.append(f"{answer.provider} ({answer.model})")
        avoid = avoid + citations.quotations(markdown)
        drafted.append({"id": section["id"], "markdown": markdown})
        context.episodes.now(
            "progress",
            f"Section {number} of {len(plan['sections'])} is drafted: {section['heading']}.",
            done=number,
            total=len(plan["sections"]),
        )
    written = put_together(plan, drafted, writers)
    words = written["draft"]["words"]
    context.episodes.note("drafted", f"The draft has {words} words in {len(drafted)} sections.", words=words)
    return {**written, "route": "critic"}


def put_together(plan: dict[str, Any], sections: list[dict[str, str]], writers: Iterable[str]) -> dict[str, Any]:
    """The state's `draft` of these sections, `[{id, markdown}]`, and the observation that it is there to be judged.

    What is handed off is made of the sections here and nowhere else: the gates look at sections.
    """
    headings = {section["id"]: section["heading"] for section in plan["sections"]}
    body = "\n\n".join(f"## {citations.plain(headings[one['id']])}\n\n{one['markdown']}" for one in sections)
    words = sum(len(citations.words(one["markdown"])) for one in sections)
    return {
        "draft": {
            "markdown": f"# {citations.plain(plan['title'])}\n\n{body}\n",
            "sections": sections,
            "words": words,
            "writers": sorted(set(writers)),
        },
        "last_observation": {"kind": "draft", "words": words},
    }


def _note(verdict: dict[str, Any], heading: str) -> str:
    """What the critic wants changed in this section, or in the whole."""
    failures = [f["message"] for f in verdict.get("failures", []) if f["section"] in ("", heading)]
    return " ".join([verdict.get("note", ""), *failures]).strip()


def _author(csl: dict[str, Any]) -> str:
    names = [
        name.get("literal") or f"{name.get('given', '')} {name.get('family', '')}" for name in csl.get("author", [])
    ]
    return ", ".join(name.strip() for name in names)

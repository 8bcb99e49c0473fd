"""What a graph state holds, in the figures and names that a person looks for. The texts themselves are left out."""

from __future__ import annotations

from typing import Any

from autonomy.graph import drafts
from autonomy.selectors.state_parts import entries, headed, table, text


def state_summary(state: dict[str, Any]) -> dict[str, Any]:
    """`{route, revision, journey, topic, plan, sources, draft, last_observation, last_verdict, budgets, note}`.

    JSON-able. `plan`: `{title, words, sections: [{heading, question, words, passages}]}` or None. `sources`: `[{key,
    title, passages}]`, passages in numbers. `draft`: `{words, whole, sections: [{heading, words}], under_way, planned,
    writers}` or None; `under_way` is the number of sections written of the coming draft, or None. The last three are as
    the state has them, in empty dicts if it has none; `note` is the verdict's.
    """
    plan, task = table(state.get("plan")), table(state.get("task"))
    verdict = table(state.get("last_verdict"))
    revision = state.get("revision")
    return {
        "route": text(state.get("route")),
        "revision": revision if isinstance(revision, int) else 0,
        "journey": text(state.get("journey")),
        "topic": text(task.get("topic")),
        "plan": _plan(plan) if plan else None,
        "sources": [
            {
                "key": text(one.get("key")),
                "title": text(one.get("title")),
                "passages": len(entries(one.get("passages"))),
            }
            for one in entries(state.get("sources"))
        ],
        "draft": _draft(table(state.get("draft")), plan),
        "last_observation": table(state.get("last_observation")),
        "last_verdict": verdict,
        "budgets": table(state.get("budgets")),
        "note": text(verdict.get("note")),
    }


def _plan(plan: dict[str, Any]) -> dict[str, Any]:
    sections = [
        {
            "heading": text(one.get("heading")),
            "question": text(one.get("question")),
            "words": one.get("words"),
            "passages": len(found) if isinstance(found := one.get("passages"), list) else 0,
        }
        for one in entries(plan.get("sections"))
    ]
    return {"title": text(plan.get("title")), "words": plan.get("words"), "sections": sections}


def _draft(draft: dict[str, Any], plan: dict[str, Any]) -> dict[str, Any] | None:
    if not draft:
        return None
    coming = table(draft.get("under_way"))
    writers = draft.get("writers")
    return {
        "words": draft.get("words"),
        "whole": bool(drafts.whole({**draft, "under_way": coming})),
        "sections": [
            {"heading": one["heading"], "words": len(one["markdown"].split())}
            for one in headed(draft, entries(draft.get("sections")), plan)
        ],
        "under_way": len(entries(coming.get("sections"))) if coming else None,
        "planned": len(entries(plan.get("sections"))),
        "writers": [text(one) for one in writers] if isinstance(writers, list) else [],
    }

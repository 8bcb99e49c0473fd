"""The state a fork begins with: a checkpoint's, with a person's patch in it."""

from __future__ import annotations

from collections import Counter
from typing import Any, cast

from autonomy.graph import drafts
from autonomy.graph.state import GraphState
from autonomy.services.patch import Patch, unfit

NEEDS: dict[str, tuple[str, ...]] = {
    "plan": (),
    "research": ("plan", "sources"),
    "draft": ("plan", "sources"),
    "critic": ("plan", "sources", "draft"),
    "turnitin_pause": ("plan", "sources", "draft"),
}


def patched(state: GraphState, patch: Patch, editor: str) -> GraphState:
    """The state with the patch in it, `task` aside. Raises InvalidInput if the next node would lack what it needs.

    What a person wrote goes through the critic as every draft does, and the document names its editor.
    """
    route = patch.route or _route(state["route"], patch)
    values: dict[str, Any] = {**state, "route": route}
    if patch.plan:
        values["plan"] = patch.plan.model_dump(exclude_none=True)
    values["draft"] = _draft(state, values, patch)
    _check_needs(values, {*NEEDS[route], *(["plan"] if patch.draft else [])})
    if patch.plan and route == "plan":
        raise unfit("patch.route", "The plan would be written anew: choose research or draft.")
    if patch.draft or (patch.plan and route == "critic"):
        values |= _put_together(values, patch, editor)
    if route == "draft" or (route == "critic" and values["last_observation"]["kind"] == "draft"):
        _check_passages(values)
    if patch.route or patch.plan or patch.draft or patch.last_verdict:
        values["last_verdict"] = _verdict(values, patch)
    return cast(GraphState, values)


def _route(route: str, patch: Patch) -> str:
    """Where a fork goes on if the patch does not say: a text that a person changed is judged first."""
    handed_off = route == "turnitin_pause"
    return "critic" if patch.draft or (patch.plan and handed_off) else route


def _draft(state: GraphState, values: dict[str, Any], patch: Patch) -> dict[str, Any]:
    """The draft that the next node finds: only `draft` finds one under way, and only if it can go on with it."""
    before = state.get("draft") or {}
    written, writers = drafts.under_way(before)
    if patch.draft:
        sections = [one.model_dump() for one in patch.draft.sections]
        return {"sections": sections, "writers": [*before.get("writers", []), *writers]}
    planned, was_planned = (one.get("plan", {}).get("sections", []) for one in (values, state))
    asks_anew = patch.last_verdict or "topic" in (patch.task or {})
    # No draft is mixed of sections that were written for different plans, topics or notes.
    if values["route"] == "draft" and not asks_anew and planned[: len(written)] == was_planned[: len(written)]:
        return before
    return drafts.whole(before)


def _check_needs(values: dict[str, Any], needs: set[str]) -> None:
    if missing := sorted(name for name in needs if not values.get(name)):
        raise unfit(
            "patch.route",
            f"For {values['route']} the checkpoint must hold {' and '.join(missing)}: choose an earlier node, or a "
            "later checkpoint.",
        )


def _check_passages(values: dict[str, Any]) -> None:
    """The draft node, which the critic may call as well, writes each section from passages that were found."""
    found = {passage["id"] for source in values["sources"] for passage in source["passages"]}
    for section in values["plan"]["sections"]:
        passages = section.get("passages") or []
        if not passages or not found.issuperset(passages):
            raise unfit(
                "patch.route",
                f"The section “{section['heading']}” of the plan names no passages, or others than were found in the "
                "sources: choose research, which finds them.",
            )


def _put_together(values: dict[str, Any], patch: Patch, editor: str) -> dict[str, Any]:
    """Draft and observation as the draft node leaves them."""
    plan, draft = values["plan"], values["draft"]
    planned = [one["id"] for one in plan["sections"]]
    if Counter(planned) != Counter(one["id"] for one in draft["sections"]) or len(set(planned)) < len(planned):
        # A section the plan does not know would be handed off without the gates having seen it.
        field = "patch.draft.sections" if patch.draft else "patch.plan.sections"
        raise unfit(field, f"Plan and draft must have the same sections, each once; the plan has {', '.join(planned)}.")
    sections = {one["id"]: one for one in draft["sections"]}
    writers = [*draft.get("writers", []), f"{editor} (edited)"]
    done = drafts.put_together(plan, [sections[one] for one in planned], writers)
    if patch.draft and patch.draft.markdown not in (None, done["markdown"]):
        raise unfit("patch.draft.markdown", "It is put together from the sections: change those, and leave it out.")
    return drafts.finished(done)


def _verdict(values: dict[str, Any], patch: Patch) -> dict[str, Any]:
    """The person's note, or else the critic's, for the nodes to come; redrafts are counted from the beginning."""
    before = values.get("last_verdict") or {}
    note = patch.last_verdict.note if patch.last_verdict else before.get("note", "")
    as_it_was = not (patch.plan or patch.draft)
    verdict = {
        "accepted": False,
        "failures": before.get("failures", []) if as_it_was and values["route"] == "draft" else [],
        "note": note,
        "redrafts": 0,
    }
    # Its report may be judged anew, and the critic then says what the draft has from the sources.
    return verdict | ({"preflight": before["preflight"]} if as_it_was and "preflight" in before else {})

"""The draft of a run as it is read: which one, its sections, what was planned, and what was found in it."""

from __future__ import annotations

import re
from typing import Any

from django.db.models.fields.json import KT

from autonomy.checkpoints.saver import PostgresSaver
from autonomy.graph import drafts
from autonomy.models import Checkpoint, Run
from autonomy.text import citations

MOST_HAND_OFFS = 30
_ID = re.compile(r"[0-9A-Za-z-]{1,64}")


def draft_of(run: Run, *, checkpoint_id: str = "", begun: bool = False) -> dict[str, Any] | None:
    """The last whole draft of the run's newest checkpoint, or of that one; with `begun` the one that is under way.

    `{checkpoint_id, saved_at, revision, is_whole, has_whole, under_way: {written, planned} or None, title, sections:
    [{id, heading, markdown, words, target, passages}], plan: [{heading, question, words, target}], words, target,
    writers, is_judged, verdict, preflight, sources}`. Title and headings are Markdown, except those of `plan`, which is
    empty if the draft was written for another one; `target` and a plan's `words` may then be None. No section at all
    if nothing is written. None if there is no such checkpoint. One query; JSON-able.
    """
    if checkpoint_id and not _ID.fullmatch(checkpoint_id):
        return None
    where = {"thread_id": str(run.pk), "checkpoint_ns": ""} | (
        {"checkpoint_id": checkpoint_id} if checkpoint_id else {}
    )
    saved = PostgresSaver().get_tuple({"configurable": where})
    if saved is None:
        return None
    state = saved.checkpoint["channel_values"]
    plan, draft = state.get("plan") or {}, state.get("draft") or {}
    written, _ = drafts.under_way(draft)
    whole = drafts.whole(draft)
    is_whole = bool(whole) and not (begun and written)
    planned = plan.get("sections", [])
    verdict = state.get("last_verdict") or {}
    is_judged = is_whole and not _waits_for_critic(state)
    return {
        "checkpoint_id": saved.checkpoint["id"],
        "saved_at": saved.checkpoint["ts"],
        "revision": state.get("revision", 0),
        "is_whole": is_whole,
        "has_whole": bool(whole),
        "under_way": {"written": len(written), "planned": len(planned)} if written else None,
        **(_sections(whole, plan) if is_whole else _sections(_begun(draft, plan), plan)),
        "is_judged": is_judged,
        "verdict": verdict if is_judged else {},
        "preflight": verdict.get("preflight") if is_judged else None,
        "sources": state.get("sources") or [],
    }


def hand_offs_of(run: Run) -> list[dict[str, Any]]:
    """`[{number, checkpoint_id}]`: where each draft was handed off for the first time, as far as that is still kept."""
    paused = Checkpoint.objects.filter(run=run, namespace="", checkpoint__channel_values__route="turnitin_pause")
    rows = paused.annotate(revision=KT("checkpoint__channel_values__revision")).order_by("-checkpoint_id")
    first: dict[int, str] = {}
    # A report that could not be used leads to the same pause again: the oldest counts.
    for revision, checkpoint_id in rows.values_list("revision", "checkpoint_id")[: 4 * MOST_HAND_OFFS]:
        first[int(revision or 0) + 1] = checkpoint_id
    return [{"number": number, "checkpoint_id": first[number]} for number in sorted(first)[-MOST_HAND_OFFS:]]


def _waits_for_critic(state: dict[str, Any]) -> bool:
    """The verdict in the state is then about the draft before this one."""
    return state.get("route") == "critic" and (state.get("last_observation") or {}).get("kind") == "draft"


def _begun(draft: dict[str, Any], plan: dict[str, Any]) -> dict[str, Any]:
    written, writers = drafts.under_way(draft)
    return drafts.put_together(plan, written, writers) if written else {}


def _sections(draft: dict[str, Any], plan: dict[str, Any]) -> dict[str, Any]:
    """The draft in its sections, beside the plan if it was written for that."""
    planned = {one["id"]: one for one in plan.get("sections", [])}
    share = plan.get("words", 0) / max(1, sum(one.get("words", 0) for one in planned.values()))
    parts = drafts.parts(draft) if draft else None
    ids = [one["id"] for one in draft.get("sections", [])]
    headings = [citations.plain(planned[one]["heading"]) for one in ids if one in planned]
    fits = not draft or (parts is not None and [heading for heading, _ in parts[1]] == headings)
    sections = []
    if parts:
        for name, (heading, markdown) in zip(ids, parts[1], strict=True):
            one = planned.get(name, {}) if fits else {}
            target = round(one["words"] * share) if one else None
            words = len(citations.words(markdown))
            sections.append({"id": name, "heading": heading, "markdown": markdown, "words": words, "target": target,
                             "passages": one.get("passages", [])})  # fmt: skip
    elif draft:
        words = len(citations.words(draft["markdown"]))
        sections.append({"id": "", "heading": "", "markdown": draft["markdown"], "words": words, "target": None,
                         "passages": []})  # fmt: skip
    counts = {one["id"]: one["words"] for one in sections}
    return {
        "title": parts[0] if parts else citations.plain(plan.get("title", "")),
        "sections": sections,
        "plan": [
            {"id": one["id"], "heading": one["heading"], "question": one.get("question", ""),
             "words": counts.get(one["id"]), "target": round(one.get("words", 0) * share)}
            for one in planned.values()
        ] if fits else [],
        "words": sum(counts.values()),
        "target": plan.get("words") if fits else None,
        "writers": draft.get("writers", []),
    }  # fmt: skip

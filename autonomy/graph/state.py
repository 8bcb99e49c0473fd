"""The graph state: plain data only (dict, list, str, int, float), so that a checkpoint can never name code."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

Route = Literal["plan", "research", "draft", "critic", "turnitin_pause", "END"]
NODES: tuple[str, ...] = ("plan", "research", "draft", "critic", "turnitin_pause")


class GraphState(TypedDict, total=False):
    """What the nodes read and write.

    task: the validated task spec. plan: `{title, words, sections: [{id, heading, question, words, queries,
    passages: [passage id]}]}`. sources: `[{key, title, csl, passages: [{id, text}]}]`, those the plan uses.
    draft: `{markdown, sections: [{id, markdown}], words, writers}`, and `under_way` while one is written (drafts.py).
    last_observation: what came from outside last, or that a draft is whole. last_verdict: what the critic said last,
    `{accepted, failures, note, redrafts, outcome}`, with `preflight` (preflight.py) once the gates have passed.
    revision: 0 at first.
    """

    run_id: str
    user_id: str
    journey: str
    task: dict[str, Any]
    plan: dict[str, Any]
    sources: list[dict[str, Any]]
    searched: list[str]
    draft: dict[str, Any]
    route: Route
    budgets: dict[str, Any]
    last_observation: dict[str, Any]
    last_verdict: dict[str, Any]
    revision: int

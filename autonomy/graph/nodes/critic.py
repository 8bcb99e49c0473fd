from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langgraph.runtime import Runtime

from autonomy.graph import gates, matches, preflight
from autonomy.graph.state import GraphState
from autonomy.ports import NodeContext
from autonomy.text.percent import percent

HONEST = (
    "Quote less, and only what must stand in its own words; say the rest in your own words with its citation; rethink "
    "what merely repeats a source."
)


def critic(state: GraphState, runtime: Runtime[NodeContext]) -> dict[str, Any]:
    """Judge the draft by the gates and the preflight before it is handed off, and by the report afterwards."""
    if state["last_observation"]["kind"] == "originality_report":
        return _judge_report(state, runtime.context)
    return _judge_draft(state, runtime.context)


def _judge_draft(state: GraphState, context: NodeContext) -> dict[str, Any]:
    failures, compared = _gates(state), None
    if not failures:
        compared = _compare(state, context)
        failures = [failure.as_dict() for failure in compared.failures(context.max_overlap)]
    found = compared.as_dict() if compared else None
    if not failures:
        context.episodes.note("gates_passed", "The draft passes every gate and is handed off.")
        return {"last_verdict": _verdict(found), "route": "turnitin_pause"}
    previous = state.get("last_verdict") or {}
    redrafts = previous.get("redrafts", 0)
    again = redrafts < context.max_redrafts
    context.episodes.note(
        "gates_failed",
        f"{len(failures)} findings; the draft "
        + ("is written again." if again else f"still fails after {redrafts} further attempts."),
        failures=failures,
    )
    if again:
        # What the report asked for holds for every draft of this revision.
        note = previous.get("note", "")
        return {"last_verdict": _verdict(found, failures, note, redrafts=redrafts + 1), "route": "draft"}
    note = f"The draft does not pass the gates: {_told(failures)}"
    verdict = _verdict(found, failures, note, redrafts=redrafts, outcome="revisions_exhausted")
    return {"last_verdict": verdict, "route": "END"}


def _compare(state: GraphState, context: NodeContext) -> preflight.Preflight:
    compared = preflight.compare(state["draft"], state["plan"], state["sources"], context.library.texts())
    overlap, bound = compared.overlap, context.max_overlap
    context.episodes.note(
        "preflight",
        f"{percent(overlap, bound)} of the draft's own words stand in the sources (at most {percent(bound, overlap)} "
        f"may); {percent(compared.quoted)} of the draft is quotation.",
        max_overlap=bound,
        **compared.as_dict(),
    )
    return compared


def _judge_report(state: GraphState, context: NodeContext) -> dict[str, Any]:
    report, target = state["last_observation"], context.target_similarity
    observed = matches.fraction(report.get("observed_similarity"))
    if observed is None:
        told = "The report holds no similarity from 0 to 1: nothing is accepted, and the run waits on for the figure."
        context.episodes.note("report_incomplete", told, number=report.get("number"))
        return {"route": "turnitin_pause"}
    found = (state.get("last_verdict") or {}).get("preflight")
    said, within = percent(observed, target), percent(target, observed)
    if observed > target:
        named = matches.named(report, found)
        note = " ".join(filter(None, [f"The similarity is {said}, above the target of {within}.", named, HONEST]))
        reason = f"The similarity is {said} after {state.get('revision', 0)} revisions, above the target of {within}."
        return _rejected(state, context, "similarity_rejected", note, reason, observed_similarity=observed)
    # A fork may bring another plan than the one that the draft was written and handed off for.
    if failures := _gates(state):
        note = f"A similarity of {said} is within the target, but the draft does not pass the gates: {_told(failures)}"
        return _rejected(state, context, "gates_failed", note, note, observed_similarity=observed, failures=failures)
    context.handoff.accept(report["cycle_id"])
    message = f"A similarity of {said} is within the target of {within}: accepted."
    context.episodes.note("similarity_accepted", message, observed_similarity=observed, target_similarity=target)
    return {"last_verdict": _verdict(found, outcome="accepted"), "route": "END"}


def _rejected(
    state: GraphState, context: NodeContext, kind: str, note: str, reason: str, **data: Any
) -> dict[str, Any]:
    """Close the cycle, and plan the next revision; or end where none is left."""
    context.handoff.reject(state["last_observation"]["cycle_id"])
    revision, found = state.get("revision", 0), (state.get("last_verdict") or {}).get("preflight")
    exhausted = revision >= context.max_revisions
    message = f"{reason} No revision is left." if exhausted else note
    target = context.target_similarity
    context.episodes.note(kind, message, **data, target_similarity=target, revision=revision)
    failures = data.get("failures", [])
    if exhausted:
        return {"last_verdict": _verdict(found, failures, reason, outcome="revisions_exhausted"), "route": "END"}
    return {"last_verdict": _verdict(found, note=note), "revision": revision + 1, "route": "plan"}


def _gates(state: GraphState) -> list[dict[str, str]]:
    return [failure.as_dict() for failure in gates.check(state["draft"], state["plan"], state["sources"])]


def _told(failures: list[dict[str, str]]) -> str:
    return " ".join(failure["message"] for failure in failures[:5])


def _verdict(
    found: dict[str, Any] | None,
    failures: Sequence[dict[str, str]] = (),
    note: str = "",
    *,
    redrafts: int = 0,
    outcome: str = "",
) -> dict[str, Any]:
    """What the state keeps of a judgement, with what the preflight `found`, if there was one."""
    verdict = {"accepted": outcome == "accepted", "failures": list(failures), "note": note, "redrafts": redrafts}
    return verdict | ({"preflight": found} if found else {}) | ({"outcome": outcome} if outcome else {})

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from autonomy.graph import gates
from autonomy.graph.state import GraphState
from autonomy.ports import NodeContext


def critic(state: GraphState, runtime: Runtime[NodeContext]) -> dict[str, Any]:
    """Judge the draft by the gates before it is handed off, and by the report afterwards."""
    if state["last_observation"]["kind"] == "originality_report":
        return _judge_report(state, runtime.context)
    return _judge_draft(state, runtime.context)


def _judge_draft(state: GraphState, context: NodeContext) -> dict[str, Any]:
    failures = [failure.as_dict() for failure in gates.check(state["draft"], state["plan"], state["sources"])]
    if not failures:
        context.episodes.note("gates_passed", "The draft passes every gate and is handed off.")
        return {
            "last_verdict": {"accepted": False, "failures": [], "note": "", "redrafts": 0},
            "route": "turnitin_pause",
        }
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
        verdict = {"accepted": False, "failures": failures, "note": note, "redrafts": redrafts + 1}
        return {"last_verdict": verdict, "route": "draft"}
    note = "The draft does not pass the gates: " + " ".join(failure["message"] for failure in failures[:5])
    verdict = {
        "accepted": False,
        "failures": failures,
        "note": note,
        "redrafts": redrafts,
        "outcome": "revisions_exhausted",
    }
    return {"last_verdict": verdict, "route": "END"}


def _judge_report(state: GraphState, context: NodeContext) -> dict[str, Any]:
    report, revision = state["last_observation"], state.get("revision", 0)
    observed, target = report["observed_similarity"], context.target_similarity
    if observed <= target:
        context.handoff.accept(report["cycle_id"])
        message = f"A similarity of {observed:.0%} is within the target of {target:.0%}: accepted."
        context.episodes.note("similarity_accepted", message, observed_similarity=observed, target_similarity=target)
        verdict = {"accepted": True, "failures": [], "note": "", "redrafts": 0, "outcome": "accepted"}
        return {"last_verdict": verdict, "route": "END"}
    context.handoff.reject(report["cycle_id"])
    exhausted = revision >= context.max_revisions
    note = (
        f"The similarity is {observed:.0%}, above the target of {target:.0%}. Quote less, and only what must stand in "
        "its own words; say the rest in your own words with its citation; rethink what merely repeats a source."
    )
    context.episodes.note(
        "similarity_rejected",
        note if not exhausted else f"The similarity is {observed:.0%}, and no revision is left.",
        observed_similarity=observed,
        target_similarity=target,
        revision=revision,
    )
    if exhausted:
        note = f"The similarity is {observed:.0%} after {revision} revisions, above the target of {target:.0%}."
        verdict = {"accepted": False, "failures": [], "note": note, "redrafts": 0, "outcome": "revisions_exhausted"}
        return {"last_verdict": verdict, "route": "END"}
    verdict = {"accepted": False, "failures": [], "note": note, "redrafts": 0}
    return {"last_verdict": verdict, "revision": revision + 1, "route": "plan"}

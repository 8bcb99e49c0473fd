"""What two checkpoints differ in."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from autonomy.console import figures, state_words
from autonomy.console.diff_parts import shown
from autonomy.console.diff_summary import summary
from autonomy.console.verb import FORK
from autonomy.errors import InvalidInput
from autonomy.models import Run
from autonomy.selectors.checkpoint_diff import Pair, checkpoint_diff, pair
from autonomy.selectors.permission import may
from autonomy.selectors.state_at import At, neighbour

UNCHOSEN = "Choose two checkpoints: one to compare from, and one to compare to."
UNKNOWN = (
    "This run has no such checkpoint, or has it no more: some time after its end a run keeps only its newest. Choose "
    "two of those it has."
)


def read(request: HttpRequest, run: Run) -> dict[str, Any]:
    before, after = (request.GET.get(name, "") for name in ("from", "to"))
    if not before or not after:
        return {"problem": UNCHOSEN}
    try:
        chosen = pair(run, before, after)
        found = checkpoint_diff(chosen)
    except InvalidInput:
        return {"problem": UNKNOWN}
    lines = summary(found["changes"])
    return {
        "problem": "",
        "sides": [_side("From", run, chosen.before), _side("To", run, chosen.after)],
        "identical": chosen.before == chosen.after,
        "backwards": chosen.before.run_id == chosen.after.run_id and before > after,
        "same": found["same"],
        "spent": _spent(found["spent"]),
        "summary": lines,
        "parts": [(line, shown(line.channel, found["changes"][line.channel])) for line in lines],
        "may_fork": may(request.user, run, FORK.act),
        "may_see_states": request.user.has_perm("autonomy.view_checkpoint"),
        **_beside(chosen),
    }


def _side(title: str, run: Run, one: At) -> dict[str, Any]:
    return {
        "title": title,
        "at": one,
        "name": state_words.superstep(one),
        "done": state_words.node(one.node),
        "next": state_words.next_node(one.route),
        "of_origin": one.run_id != run.pk,
    }


def _spent(spent: dict[str, Any] | None) -> str:
    if not spent or not spent["calls"]:
        return ""
    cost = "" if spent["usd"] is None else f" and {figures.usd(spent['usd'])}"
    calls, tokens = (
        state_words.number(spent[name], one) for name, one in (("calls", "provider call"), ("tokens", "token"))
    )
    return f"Between the two: {calls} with {tokens}{cost}."


def _beside(chosen: Pair) -> dict[str, Any]:
    """The pairs of checkpoints before and after this one, as `(from, to)`; those of one run only."""
    first, last = sorted([chosen.before, chosen.after], key=lambda one: one.checkpoint_id)
    if first.run_id != last.run_id:
        return {"previous": None, "following": None}
    previous, following = neighbour(first, later=False), neighbour(last, later=True)
    return {
        "previous": (previous, first.checkpoint_id) if previous else None,
        "following": (last.checkpoint_id, following) if following else None,
    }

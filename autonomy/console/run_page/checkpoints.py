"""A run's checkpoints: what each came of, what is next, and two to be compared."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from autonomy.console import state_words
from autonomy.console.verb import FORK
from autonomy.models import Run
from autonomy.selectors.checkpoint_history import history
from autonomy.selectors.permission import may
from autonomy.selectors.state_at import fits, named

SHOWN = 50


def read(request: HttpRequest, run: Run) -> dict[str, Any]:
    before = request.GET.get("before", "")
    found = history(run, limit=SHOWN, before=before)
    rows = [_row(place, row) for place, row in enumerate(found["rows"])]
    complete = found["next_before"] is None
    return {
        "rows": rows,
        "next_before": found["next_before"],
        "later": bool(before) and fits(before),
        "may_fork": may(request.user, run, FORK.act),
        "may_see_states": request.user.has_perm("autonomy.view_checkpoint"),
        "pruned": {"at": run.checkpoints_pruned_at, "kept": run.checkpoints_kept}
        if complete and run.checkpoints_pruned_at
        else None,
        "origin": _origin(run, found["rows"]) if complete and run.forked_from_id else None,
    }


def _row(place: int, row: dict[str, Any]) -> dict[str, Any]:
    one = row["at"]
    changed = [state_words.CHANNELS.get(name, name) for name in row["changed"] if name != "route"]
    return {
        "at": one,
        "name": state_words.superstep(one),
        "done": state_words.node(one.node),
        "next": "" if one.route == "END" else state_words.node(one.route),
        "told": row["told"],
        "changed": changed,
        "forks": row["forks"],
        "is_to": place == 0,
        "is_from": place == 1,
    }


def _origin(run: Run, rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The checkpoint that a fork began with, to be compared with its own first one; None where one of them is gone."""
    seed = rows[-1]["at"] if rows and rows[-1]["at"].source == "update" else None
    begun_with = named(run, {run.forked_from_checkpoint}).get(run.forked_from_checkpoint)
    return {"from": begun_with, "to": seed} if seed and begun_with else None

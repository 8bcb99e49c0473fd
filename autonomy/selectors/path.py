"""The way a run took through its graph, and how long each step of it lasted: read from its episodes."""

from __future__ import annotations

from typing import Any

from django.db.models import Count
from django.db.models.fields.json import KT

from autonomy.episodes.kinds import Kind
from autonomy.models import Episode, Run

STEPS = (
    Kind.NODE_FINISHED,
    Kind.NODE_PAUSED,
    Kind.STEP_FAILED,
    Kind.STEP_GIVEN_BACK,
    Kind.LEASE_EXPIRED,
    Kind.BUDGET_EXCEEDED,
)


def path(run: Run) -> list[dict[str, Any]]:
    """`[{from, to, count}]`: which node followed which, and how often; END follows the last. JSON-able."""
    finished = Episode.objects.filter(run=run, kind=Kind.NODE_FINISHED)
    edges = finished.values(origin=KT("data__route_in"), target=KT("data__route_out")).annotate(count=Count("pk"))
    return [
        {"from": edge["origin"], "to": edge["target"], "count": edge["count"]}
        for edge in edges.order_by("origin", "target")
        if edge["origin"] and edge["target"]
    ]


def steps(run: Run, *, limit: int) -> dict[str, Any]:
    """`{steps: [{seq, kind, node, next, attempt, message, seconds, waited, tokens, at}], more}`.

    The newest first. Those that did not succeed are among them, with `next` None. `seconds` of execution are None where
    none were measured; `waited` is how long a pause lasted, None where there was none or it goes on. JSON-able.
    """
    found = Episode.objects.filter(run=run, kind__in=STEPS).order_by("-seq")[: limit + 1]
    newest_first = list(found)
    told: list[dict[str, Any]] = []
    paused: Episode | None = None
    for one in reversed(newest_first[:limit]):
        told.append(_step(one, paused))
        if one.kind != Kind.LEASE_EXPIRED:
            paused = one if one.kind == Kind.NODE_PAUSED else None
    return {"steps": told[::-1], "more": len(newest_first) > limit}


def _step(one: Episode, paused: Episode | None) -> dict[str, Any]:
    data = one.data
    measured = data.get("duration_ms")
    return {
        "seq": one.seq,
        "kind": one.kind,
        "node": one.node or data.get("route_in", ""),
        "next": data.get("route_out") if one.kind == Kind.NODE_FINISHED else None,
        "attempt": one.attempt,
        "message": one.message,
        "seconds": measured / 1000 if isinstance(measured, int) else None,
        "waited": (one.created_at - paused.created_at).total_seconds() if paused and paused.node == one.node else None,
        "tokens": (data.get("tokens_in") or 0) + (data.get("tokens_out") or 0),
        "at": one.created_at.isoformat(),
    }

"""A run's episodic log, page by page, the newest first."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from autonomy.models import Episode, Run


def episodes_of(
    run: Run, *, limit: int, before: int | None = None, kinds: Collection[str] = (), node: str = ""
) -> dict[str, Any]:
    """`{episodes: [{seq, kind, node, attempt, message, data, actor, at}], next_before}`.

    `actor` is a user name or None. `before` is the number above the page's first; `next_before` is what to give for the
    page that follows, or None.
    """
    found = Episode.objects.filter(run=run).select_related("actor")
    if before is not None:
        found = found.filter(seq__lt=before)
    if kinds:
        found = found.filter(kind__in=kinds)
    if node:
        found = found.filter(node=node)
    page = list(found.order_by("-seq")[: limit + 1])
    more, page = len(page) > limit, page[:limit]
    return {
        "episodes": [
            {
                "seq": one.seq,
                "kind": one.kind,
                "node": one.node,
                "attempt": one.attempt,
                "message": one.message,
                "data": one.data,
                "actor": one.actor.get_username() if one.actor else None,
                "at": one.created_at,
            }
            for one in page
        ],
        "next_before": page[-1].seq if more else None,
    }

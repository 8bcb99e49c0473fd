"""A run's checkpoints, without their states."""

from __future__ import annotations

from typing import Any

from django.db.models.fields.json import KT

from autonomy.models import Checkpoint, Run


def checkpoints_of(run: Run, *, limit: int, before: str | None = None) -> dict[str, Any]:
    """`{checkpoints: [{checkpoint_id, parent_checkpoint_id, step, route, source, created_at}], next_before}`.

    Newest first. `next_before` is what to give as `before` for the page that follows, or None. JSON-able.
    """
    found = Checkpoint.objects.filter(run=run, namespace="")
    if before is not None:
        found = found.filter(checkpoint_id__lt=before)
    rows = found.annotate(route=KT("checkpoint__channel_values__route")).order_by("-checkpoint_id")
    page = list(rows.defer("checkpoint")[: limit + 1])
    more, page = len(page) > limit, page[:limit]
    return {
        "checkpoints": [
            {
                "checkpoint_id": one.checkpoint_id,
                "parent_checkpoint_id": one.parent_checkpoint_id,
                "step": one.metadata.get("step"),
                "route": one.route,
                "source": one.metadata.get("source"),
                "created_at": one.created_at.isoformat(),
            }
            for one in page
        ],
        "next_before": page[-1].checkpoint_id if more else None,
    }

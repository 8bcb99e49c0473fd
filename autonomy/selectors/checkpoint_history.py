"""A run's checkpoints with what each came of, without their states."""

from __future__ import annotations

import json
from bisect import bisect_left
from datetime import datetime
from typing import Any

from django.db.models import Q

from autonomy.episodes.kinds import Kind
from autonomy.models import Episode, Run
from autonomy.selectors.state_at import At, at, fits, of_run

# What nodes say of their work, the weightier the later. Progress of `draft` is a section; of others a file being read.
_TELLING = (
    Kind.PROGRESS, Kind.SEARCHED, Kind.RESEARCHED, Kind.PLANNED, Kind.DRAFTED, Kind.REPORT_RECEIVED, Kind.GATES_PASSED,
    Kind.GATES_FAILED, Kind.SIMILARITY_REJECTED, Kind.SIMILARITY_ACCEPTED,
)  # fmt: skip
_WEIGHT = {kind: weight for weight, kind in enumerate(_TELLING)}
# Of a run's log between two pages' ends; beyond it the oldest checkpoints of the page go without a sentence.
MOST_EPISODES = 1_000
MOST_FORKS = 100


def history(run: Run, *, limit: int, before: str | None = None) -> dict[str, Any]:
    """`{rows: [{at: At, told, changed, forks}], next_before}`, newest first; three queries.

    `told` is an episode's sentence on the superstep, empty where none is kept. `changed`: the names of the channels it
    wrote, as far as LangGraph noted them. `forks`: `[{run_id, title}]`, runs that begin here. A `before` that can be no
    checkpoint's id is passed over.
    """
    found = of_run(run.pk)
    if before and fits(before):
        found = found.filter(checkpoint_id__lt=before)
    page: list[Any] = list(found.order_by("-checkpoint_id")[: limit + 1])
    more, earlier = len(page) > limit, page[limit:]
    page = page[:limit]
    begun = _forks(run, [row.checkpoint_id for row in page])
    told = _told(run, [at(row) for row in page], earlier[0].created_at if earlier else None)
    rows = [
        {
            "at": at(row),
            "told": told.get(row.checkpoint_id, ""),
            "changed": _channels(row.changed),
            "forks": begun.get(row.checkpoint_id, []),
        }
        for row in page
    ]
    return {"rows": rows, "next_before": page[-1].checkpoint_id if more else None}


def _channels(changed: str | None) -> list[str]:
    names = json.loads(changed) if changed else []
    return [str(one) for one in names if not str(one).startswith(("branch:", "__"))] if isinstance(names, list) else []


def _forks(run: Run, checkpoint_ids: list[str]) -> dict[str, list[dict[str, str]]]:
    found = run.forks.filter(forked_from_checkpoint__in=checkpoint_ids).order_by("-created_at")
    begun: dict[str, list[dict[str, str]]] = {}
    for fork in found.only("title", "forked_from_checkpoint")[:MOST_FORKS]:
        begun.setdefault(fork.forked_from_checkpoint, []).append({"run_id": str(fork.pk), "title": fork.title})
    return begun


def _told(run: Run, page: list[At], after: datetime | None) -> dict[str, str]:
    """The weightiest sentence for each checkpoint: an episode belongs to the first checkpoint that is not older."""
    if not page:
        return {}
    telling = Q(kind__in=_TELLING[1:]) | Q(kind=Kind.PROGRESS, node="draft")
    episodes = Episode.objects.filter(telling, run=run, created_at__lte=page[0].created_at)
    if after is not None:
        episodes = episodes.filter(created_at__gt=after)
    oldest_first = page[::-1]
    times = [one.created_at for one in oldest_first]
    best: dict[str, tuple[int, str]] = {}
    for made, kind, message in episodes.order_by("-created_at").values_list("created_at", "kind", "message")[
        :MOST_EPISODES
    ]:
        one = oldest_first[min(bisect_left(times, made), len(times) - 1)]
        best[one.checkpoint_id] = max(best.get(one.checkpoint_id, (-1, "")), (_WEIGHT[Kind(kind)], message))
    return {checkpoint_id: message for checkpoint_id, (_, message) in best.items()}

"""Looking for sources outside of the run: what a node does with a query."""

from __future__ import annotations

from collections import Counter

from autonomy.ports import NodeContext


def look_for(context: NodeContext, query: str, limit: int) -> int:
    """Put the query to the search services, and make sources of what is new and can be quoted. Returns how many.

    They are there in the next superstep: a node that looks for some routes to itself once more. Raises what
    ports.Search raises.
    """
    works = context.search.search(query, limit)
    added = context.library.add(works)
    left_out = f"; {len(added.too_short)} with too little text are left out" if added.too_short else ""
    context.episodes.note(
        "searched",
        f"“{query}” finds {len(works)} works, of which {len(added.keys)} are new sources{left_out}.",
        query=query,
        providers=dict(Counter(name for work in works for name in work.found_by)),
        found=len(works),
        new=len(added.keys),
        left_out=list(added.too_short),
    )
    return len(added.keys)

"""Looking for sources outside of the run: what a node does with a query."""

from __future__ import annotations

from collections import Counter

from autonomy.errors import ProviderUnavailable
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


def go_on_without(context: NodeContext, query: str, failure: ProviderUnavailable) -> None:
    """Tell that a search failed, and that the sources there are have to do. The query is put again by a later plan."""
    reasons = failure.details.get("reasons", {})
    told = "; ".join(f"{provider}: {reason}" for provider, reason in reasons.items()) or "no service is configured"
    context.episodes.note(
        "search_failed",
        f"“{query}” could not be searched for ({told}); the run goes on with the sources it has.",
        query=query,
        reasons=reasons,
    )

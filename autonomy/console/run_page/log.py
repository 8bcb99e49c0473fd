"""The episodes of a run: the newest beside the picture, all of them on a page of their own."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from autonomy.console.nodes import TITLES
from autonomy.console.run_page.kinds import GROUPS, LOOKS, for_script, kinds_in, look_of
from autonomy.graph.state import NODES
from autonomy.models import Run
from autonomy.selectors.episodes import episodes_of

NEWEST, PAGE = 30, 100
# Facts of an episode are shown in a fold; an article's worth of them belongs on the episode's own page.
MOST_CHARS = 4000


def newest(request: HttpRequest, run: Run) -> dict[str, Any]:
    """The live log: what there is now, and what the script needs to go on from there."""
    found = episodes_of(run, limit=NEWEST)
    rows = [_row(one) for one in found["episodes"]]
    streamed = settings.ENABLE_AUTONOMY_V2
    return {
        "rows": rows,
        "more": found["next_before"] is not None,
        "choices": [("", "All"), *GROUPS.items()],
        "live": not run.ended and streamed,
        "not_streamed": not run.ended and not streamed,
        "events": reverse("run-events", args=[run.pk]),
        "parts": reverse("admin:autonomy_run_live", args=[run.pk]),
        "last_seq": rows[0]["seq"] if rows else 0,
        "looks": for_script(),
        "nodes": TITLES,
        "most_chars": MOST_CHARS,
    }


def read(request: HttpRequest, run: Run) -> dict[str, Any]:
    """A page of the whole log. What the address asks for and does not exist is left out of account."""
    show, node, before = (request.GET.get(name, "") for name in ("show", "node", "before"))
    kinds = kinds_in(show) if show in GROUPS else [show] if show in LOOKS else []
    node = node if node in NODES else ""
    found = episodes_of(run, limit=PAGE, before=_number(before), kinds=kinds, node=node)
    kept = {name: value for name, value in (("show", show if kinds else ""), ("node", node)) if value}
    following = found["next_before"]
    return {
        "rows": [_row(one) for one in found["episodes"]],
        "show": show if kinds else "",
        "node": node,
        "groups": GROUPS.items(),
        "kinds": sorted(((str(kind), look.words) for kind, look in LOOKS.items()), key=lambda pair: pair[1]),
        "nodes": [(name, TITLES[name]) for name in NODES],
        "older": f"?{urlencode(kept | {'before': following})}" if following else "",
        "newest": f"?{urlencode(kept)}" if before else "",
        "all": reverse("admin:autonomy_run_log", args=[run.pk]) if kept else "",
    }


def _number(given: str) -> int | None:
    return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else None


def _row(one: dict[str, Any]) -> dict[str, Any]:
    look = look_of(one["kind"])
    data = json.dumps(one["data"], ensure_ascii=False, indent=1) if one["data"] else ""
    return {
        "seq": one["seq"],
        "kind": one["kind"],
        "groups": " ".join(look.groups),
        "words": look.words,
        "icon": look.icon,
        "tone": look.tone,
        "node": TITLES.get(one["node"], one["node"]),
        "attempt": one["attempt"] if one["attempt"] > 1 else "",
        "message": one["message"],
        "actor": one["actor"] or "",
        "data": data if len(data) <= MOST_CHARS else f"{data[:MOST_CHARS]} …",
        "at": one["at"],
    }

"""Checkpoints and what their states hold, in words."""

from __future__ import annotations

from typing import Any

from autonomy.console import figures
from autonomy.console.nodes import PHRASES
from autonomy.selectors.state_at import At

CHANNELS = {
    "task": "task",
    "plan": "plan",
    "sources": "sources",
    "searched": "queries",
    "draft": "draft",
    "budgets": "limits",
    "last_observation": "what came last",
    "last_verdict": "verdict",
    "revision": "revision",
}
FIELDS = {
    "max_revisions": "revisions at most",
    "web_search": "search for sources",
    "csl": "bibliographic data",
    "limits.usd": "limit of US dollars",
    "limits.tokens": "limit of tokens",
    "limits.seconds": "limit of seconds",
    "usd": "US dollars",
}


def node(name: str | None) -> str:
    return PHRASES.get(name or "", name or "")


def superstep(one: At) -> str:
    return "The beginning" if one.source == "update" and one.node is None else f"Superstep {one.step}"


def next_node(route: str | None) -> str:
    if route == "END":
        return "nothing follows"
    return f"{node(route)} is next" if route else "nobody knows what is next"


def field(name: str) -> str:
    """A name in a state, as people read it."""
    return FIELDS.get(name, name.replace("_", " ").replace(".", ": "))


def number(count: Any, one: str, many: str = "") -> str:
    """“1 word”, “1,240 words”."""
    told = f"{count:,}" if isinstance(count, int) else str(count)
    return f"{told} {one if count == 1 else many or one + 's'}"


def observation(seen: dict[str, Any] | None) -> str:
    """What came last, in a phrase."""
    if not seen:
        return "nothing yet"
    if seen.get("kind") == "draft":
        return f"a draft of {number(seen.get('words'), 'word')}"
    if seen.get("kind") == "originality_report":
        observed = seen.get("observed_similarity")
        similarity = figures.similarity(observed) if isinstance(observed, int | float) else ""
        told = f"a similarity of {similarity}" if similarity else "without a similarity"
        return f"the originality report of hand-off {seen.get('number', '–')}, {told}"
    return str(seen.get("kind") or "something else").replace("_", " ")


def verdict(judged: dict[str, Any] | None) -> str:
    """`{accepted, outcome, redrafts, failures}`, failures in number or as a list, in a phrase."""
    if not judged:
        return "none yet"
    failures = judged.get("failures") or 0
    count = failures if isinstance(failures, int) else len(failures)
    if judged.get("accepted"):
        return "accepted"
    told = [str(judged["outcome"]).replace("_", " ")] if judged.get("outcome") else []
    told.append(f"{number(count, 'finding')} of the gates" if count else "no findings of the gates")
    if redrafts := judged.get("redrafts"):
        told.append(f"draft written again {number(redrafts, 'time')}")
    return ", ".join(told)


def draft(written: dict[str, Any] | None) -> str:
    """The draft of a state's summary, in a phrase."""
    if not written:
        return "no draft yet"
    words, planned = number(written["words"], "word"), number(written["planned"], "section")
    if not written["whole"]:
        return f"{written['under_way']} of {planned} written, {words}"
    told = f"{words} in {number(len(written['sections']), 'section')}"
    if written["under_way"] is not None:
        told += f"; of the next one {written['under_way']} of {planned} written"
    return told

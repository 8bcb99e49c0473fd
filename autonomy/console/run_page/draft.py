"""The draft page of a run: the text that is read before somebody decides, with what it rests on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.http import HttpRequest

from autonomy.console import prose_html
from autonomy.console.prose_html import Prose
from autonomy.console.run_page import matched, verdict
from autonomy.console.run_page.cited import Cited, Shelf
from autonomy.models import Run
from autonomy.selectors import passages
from autonomy.selectors.draft import draft_of, hand_offs_of

# Of all sections together.
MOST_LETTERS = 200_000


def read(request: HttpRequest, run: Run) -> dict[str, Any]:
    """The context of console/run/draft.html. `?checkpoint=` asks for another checkpoint, `?draft=begun` for the draft
    that is under way."""
    asked, begun = request.GET.get("checkpoint", ""), request.GET.get("draft") == "begun"
    found = draft_of(run, checkpoint_id=asked, begun=begun)
    is_lost = bool(asked) and found is None
    if is_lost:
        asked, found = "", draft_of(run, begun=begun)
    context: dict[str, Any] = {"is_lost": is_lost, "choices": [], "draft": None, "sections": []}
    if found is None:
        return context
    context["choices"] = list(_choices(run, found, asked))
    preflight = found["preflight"]
    rows, texts = {}, {}
    if may_read := request.user.has_perm("autonomy.view_source"):
        named = [*(preflight or {}).get("sources", []), *(preflight or {}).get("matches", []), *found["sources"]]
        rows = passages.source_rows(run.pk, (one["key"] for one in named)) if named else {}
        texts = passages.texts_of(
            run.pk, [one["passage"] for one in (preflight or {}).get("matches", [])[: matched.MOST]]
        )
    shelf = Shelf(found["sources"], rows)
    matches = matched.Matched(preflight, shelf, texts)
    sections, is_cut = _sections(found, shelf, matches)
    return context | {
        "draft": found,
        "title": prose_html.line(found["title"]) or run.title,
        "saved_at": datetime.fromisoformat(found["saved_at"]),
        "writers": [prose_html.sound(str(one)) for one in found["writers"]],
        "sections": sections,
        "is_cut": is_cut,
        "may_read": may_read,
        "plan": _plan(found),
        "verdict": verdict.told(found),
        "preflight": matched.figures(preflight, shelf),
        "matches": matches.entries,
    }


def _sections(found: dict[str, Any], shelf: Shelf, matches: matched.Matched) -> tuple[list[dict[str, Any]], bool]:
    """The sections as they are shown, and whether something is left out of the text."""
    cited = Cited(shelf)
    room, is_cut = MOST_LETTERS, False
    sections = []
    for number, one in enumerate(found["sections"], start=1):
        prose = Prose(one["markdown"][:room], heading=4 if one["heading"] else 3)
        is_cut = is_cut or prose.is_cut or len(one["markdown"]) > room
        room = max(0, room - len(one["markdown"]))
        heading = prose_html.line(one["heading"])
        changes, entries = cited.read(prose, one["passages"])
        for paragraph, marks in matches.read(prose, heading).items():
            changes.setdefault(paragraph, []).extend(marks)
        html = prose.html(changes)
        sections.append({**one, "number": number, "heading": heading, "html": html, "cited": entries})
    return sections, is_cut


def _plan(found: dict[str, Any]) -> list[dict[str, Any]]:
    """The plan's sections, each with the number of the one that was written for it."""
    written = {one["id"]: number for number, one in enumerate(found["sections"], start=1)}
    return [
        {
            **one,
            "heading": prose_html.sound(one["heading"]),
            "question": prose_html.sound(one["question"]),
            "number": written.get(one["id"]),
        }
        for one in found["plan"]
    ]


def _choices(run: Run, found: dict[str, Any], asked: str) -> Iterator[dict[str, Any]]:
    """Which draft may be read: links to this page with `is_current`."""
    hand_offs = hand_offs_of(run)
    begun, is_shown_begun = found["under_way"], not found["is_whole"]
    if asked:
        yield {"text": "Newest", "query": "?", "is_current": False}
    elif begun and found["has_whole"]:
        told = f"Under way: {begun['written']} of {begun['planned']} sections"
        yield {"text": "Last whole draft", "query": "?", "is_current": not is_shown_begun}
        yield {"text": told, "query": "?draft=begun", "is_current": is_shown_begun}
    else:
        yield {"text": "Newest", "query": "?", "is_current": True}
    for one in hand_offs:
        is_it = one["checkpoint_id"] == asked
        yield {"text": f"Hand-off {one['number']}", "query": f"?checkpoint={one['checkpoint_id']}", "is_current": is_it}
    if asked and asked not in {one["checkpoint_id"] for one in hand_offs}:
        yield {"text": "This checkpoint", "query": f"?checkpoint={asked}", "is_current": True}

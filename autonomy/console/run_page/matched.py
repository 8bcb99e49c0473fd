"""The preflight's findings: their figures in words, and the stretches they name marked in the text."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from autonomy.console.prose_changes import Put, Wrap
from autonomy.console.prose_html import Prose, sound
from autonomy.console.run_page.cited import Shelf, marked, position_of
from autonomy.text.percent import percent
from autonomy.text.stretch import Stretches

MOST = 20


class Matched:
    """The matches of a preflight, numbered as they are listed. `texts` by passage id, as far as they may be seen."""

    def __init__(self, preflight: dict[str, Any] | None, shelf: Shelf, texts: dict[str, str]) -> None:
        self.entries = [
            {
                "number": number,
                "section": sound(one["section"]),
                "text": sound(one["text"]),
                "words": one["words"],
                "title": sound(one["title"]),
                "position": position_of(one["passage"]),
                "address": shelf.address(one["key"], one["passage"]),
                "pieces": marked(sound(texts.get(one["passage"], "")), [one["text"]]),
                "is_marked": False,
            }
            for number, one in enumerate((preflight or {}).get("matches", [])[:MOST], start=1)
        ]

    def read(self, prose: Prose, heading: str) -> dict[int, list[Put | Wrap]]:
        """What changes in the paragraphs of the section with this heading."""
        changes: dict[int, list[Put | Wrap]] = {}
        asked = [one for one in self.entries if one["section"] == heading and not one["is_marked"]]
        stretches = Stretches(prose.citable) if asked else None
        for entry in asked:
            places = stretches.find(entry["text"], entry["words"]) if stretches else []
            for place in places:
                changes.setdefault(place.paragraph, []).append(Wrap(place.start, place.end, "match"))
            if places:
                entry["is_marked"] = True
                changes[places[-1].paragraph].append(self._note(entry, places[-1].end))
        return changes

    @staticmethod
    def _note(entry: dict[str, Any], at: int) -> Put:
        number, told = entry["number"], f"{entry['words']} words also in “{entry['title']}”, match "
        return Put(at, at, str(number), f"#match-{number}", f"marked-{number}", "draft-note", told, raised=True)


def figures(preflight: dict[str, Any] | None, shelf: Shelf) -> dict[str, Any] | None:
    """What the card says: `{overlap, overlap_share, bound, bound_share, is_within, quoted, sources}`."""
    if not preflight:
        return None
    overlap, bound = preflight["overlap"], settings.ENV.autonomy_preflight_overlap
    return {
        "overlap": percent(overlap, bound),
        "overlap_share": overlap,
        "bound": percent(bound, overlap),
        "bound_share": bound,
        "is_within": overlap <= bound,
        "quoted": percent(preflight["quoted"]),
        "quoted_share": preflight["quoted"],
        "sources": [
            {
                "title": sound(one["title"]),
                "address": shelf.address(one["key"]),
                "overlap": percent(one["overlap"]),
                "quoted": percent(one["quoted"]),
                "words": one["words"],
            }
            for one in preflight["sources"]
        ],
    }

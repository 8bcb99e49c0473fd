"""The citations of a draft as links, and what is listed for them: the passages they rest on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.urls import reverse

from autonomy.console.prose_changes import Put, Wrap
from autonomy.console.prose_html import Prose, sound
from autonomy.text import quotations, stretch
from autonomy.text.author_date import author_date
from autonomy.text.claims import Claim, claims
from autonomy.text.support import Passages, Support

# A draft of some thousand words has a hundred; what is beyond stays as it is written.
MOST = 500
MOST_MARKED = 20


class Shelf:
    """The run's sources, as a draft may cite them. `rows` are their ids by key, empty for who may not see them."""

    def __init__(self, sources: Sequence[dict[str, Any]], rows: dict[str, int]) -> None:
        self._sources = {one["key"]: one for one in sources}
        self._rows = rows
        self._texts = {passage["id"]: passage["text"] for one in sources for passage in one["passages"]}
        self._passages: dict[str, Passages] = {}

    def has(self, key: str) -> bool:
        return key in self._sources

    def title(self, key: str) -> str:
        return sound(str(self._sources[key]["title"]))

    def reference(self, key: str) -> str:
        """Who wrote it and when, as far as that is known."""
        return sound(author_date(self._sources[key]["csl"]))

    def text(self, passage: str) -> str:
        return sound(self._texts.get(passage, ""))

    def support(self, key: str, claim: Claim, among: Sequence[str]) -> Support | None:
        if key not in self._passages:
            given = self._sources[key]["passages"]
            self._passages[key] = Passages([(one["id"], one["text"]) for one in given])
        return self._passages[key].best_for(claim, among)

    def address(self, key: str, passage: str = "") -> str:
        """The source's page, at that passage; empty if there is none, or none that this reader may see."""
        if key not in self._rows:
            return ""
        page = reverse("admin:autonomy_source_change", args=[self._rows[key]])
        position = position_of(passage)
        return f"{page}?passage={position}#passage-{position}" if position else page


class Cited:
    """Numbers the citations of a draft, section by section."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._entries = 0
        self._citations = 0

    @property
    def is_full(self) -> bool:
        return self._citations >= MOST

    def read(self, prose: Prose, among: Sequence[str]) -> tuple[dict[int, list[Put | Wrap]], list[dict[str, Any]]]:
        """What changes in the paragraphs of a section, and what is listed below it. `among`: its own passages."""
        changes: dict[int, list[Put | Wrap]] = {}
        entries: dict[tuple[str, str], dict[str, Any]] = {}
        for number, paragraph in enumerate(prose.citable):
            put: list[Put | Wrap] = [
                Wrap(*span, "quotation") for span in quotations.spans(quotations.in_place(paragraph))
            ]
            for claim in claims(paragraph) if "@" in paragraph else []:
                if self.is_full:
                    break
                put += [self._link(at, claim, among, entries) for at in claim.keys]
            if put:
                changes[number] = put
        for (_, passage), entry in entries.items():
            entry["pieces"] = marked(self._shelf.text(passage), entry["quotations"][:MOST_MARKED])
        return changes, list(entries.values())

    def _link(
        self,
        place: tuple[int, int, str],
        claim: Claim,
        among: Sequence[str],
        entries: dict[tuple[str, str], dict[str, Any]],
    ) -> Put:
        start, end, key = place
        self._citations += 1
        if not self._shelf.has(key):
            return Put(start, end, f"@{key}: no such source", kind="draft-unknown")
        support = self._shelf.support(key, claim, among)
        passage = support.passage if support else ""
        entry = entries.get((key, passage))
        if entry is None:
            self._entries += 1
            entry = entries[key, passage] = self._entry(key, passage)
        entry["quotations"] += [
            quote for quote in (support.quotations if support else ()) if quote not in entry["quotations"]
        ]
        entry["places"].append(self._citations)
        number, anchor = entry["number"], f"cite-{self._citations}"
        return Put(start, end, str(number), f"#cited-{number}", anchor, "draft-cite", "source ")

    def _entry(self, key: str, passage: str) -> dict[str, Any]:
        return {
            "number": self._entries,
            "reference": self._shelf.reference(key),
            "title": self._shelf.title(key),
            "position": position_of(passage),
            "address": self._shelf.address(key, passage),
            "quotations": [],
            "pieces": [],
            "places": [],
        }


def position_of(passage: str) -> int | None:
    position = passage.rpartition("#")[2]
    return int(position) if position.isascii() and position.isdigit() and len(position) < 10 else None


def marked(text: str, wordings: Sequence[str]) -> list[dict[str, Any]]:
    """The text in pieces `{text, marked}`: what it shares with the wordings is marked."""
    found = sorted(span for span in (stretch.shared(text, one) for one in wordings) if span)
    pieces: list[dict[str, Any]] = []
    at = 0
    for start, end in found:
        if start >= at:
            pieces += [{"text": text[at:start], "marked": False}, {"text": text[start:end], "marked": True}]
            at = end
    return [one for one in [*pieces, {"text": text[at:], "marked": False}] if one["text"]]

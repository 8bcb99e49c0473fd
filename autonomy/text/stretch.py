"""Finding a stretch of words again in the paragraphs that it was taken from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from autonomy.text import citations, quotations
from autonomy.text.fingerprints import units

# Stands for a quotation, which no stretch of the writer's own words reaches across. No word is like it.
_BARRIER = "|"
_CUT = "…"


# Of words that follow one another: fewer are no find.
_FEWEST = 3


@dataclass(frozen=True)
class Place:
    """Letters of a paragraph: of which, and from where to where."""

    paragraph: int
    start: int
    end: int


class Stretches:
    """The words of a text outside quotations and citations, as the preflight compares them."""

    def __init__(self, paragraphs: Sequence[str]) -> None:
        self._words: list[str] = []
        self._places: list[Place] = []
        self._citations: list[list[int]] = []
        self._at: dict[str, list[int]] = {}
        self._taken: set[int] = set()
        for number, paragraph in enumerate(paragraphs):
            self._read(number, paragraph)
        for at, word in enumerate(self._words):
            self._at.setdefault(word, []).append(at)

    def find(self, text: str, words: int) -> list[Place]:
        """Where the stretch stands, in pieces without a citation; empty if it does not stand here.

        A `text` that was cut short with “…” goes on up to `words` words. Asked for the same again, the next place is
        given, as long as there is one.
        """
        wanted = units(text)
        if cut := text.endswith(_CUT) and len(wanted) < words:
            wanted = wanted[:-1]
        if not wanted:
            return []
        found = [at for at in self._at.get(wanted[0], []) if self._words[at : at + len(wanted)] == wanted]
        first = next((at for at in found if at not in self._taken), None)
        if first is None:
            return []
        self._taken.add(first)
        return self._pieces(first, first + (max(words, len(wanted)) if cut else len(wanted)))

    def _read(self, number: int, paragraph: str) -> None:
        """Words with their places; of a citation nothing is left, of a quotation that something was there."""
        letters = list(paragraph)
        cited = citations.spans(paragraph)
        for start, end in cited:
            letters[start:end] = " " * (end - start)
        block = quotations.in_place("".join(letters))
        for start, end in quotations.spans(block):
            if len(block[start + 1 : end - 1].split()) >= quotations.SHORTEST:
                letters[start:end] = f" {_BARRIER}".ljust(end - start)
        self._citations.append([start for start, _ in cited])
        for token in re.finditer(r"\S+", "".join(letters)):
            for word in [_BARRIER] if token[0] == _BARRIER else units(token[0]):
                self._words.append(word)
                self._places.append(Place(number, *token.span()))

    def _pieces(self, first: int, end: int) -> list[Place]:
        pieces: list[Place] = []
        for word, place in zip(self._words[first:end], self._places[first:end], strict=True):
            if word == _BARRIER:
                break
            before = pieces[-1] if pieces else None
            if before and before.paragraph == place.paragraph and not self._cited_between(before, place):
                pieces[-1] = Place(place.paragraph, before.start, place.end)
            else:
                pieces.append(place)
        return pieces

    def _cited_between(self, before: Place, after: Place) -> bool:
        return any(before.end <= start < after.start for start in self._citations[after.paragraph])


def shared(text: str, wording: str) -> tuple[int, int] | None:
    """From where to where a text has most of the wording's first words in a row, be they quoted there or not."""
    words = [(word, token.span()) for token in re.finditer(r"\S+", text) for word in units(token[0])]
    wanted = units(wording)
    best = (0, 0)
    for at, (word, _) in enumerate(words):
        if wanted and word == wanted[0]:
            pairs = zip(words[at:], wanted, strict=False)
            length = next((n for n, (one, other) in enumerate(pairs) if one[0] != other), len(wanted))
            best = max(best, (min(length, len(words) - at), -at))
    length, at = best[0], -best[1]
    return (words[at][1][0], words[at + length - 1][1][1]) if length >= min(_FEWEST, len(wanted)) > 0 else None

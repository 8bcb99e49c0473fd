"""What a citation stands for: the sentence it belongs to, and what is quoted there."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from autonomy.text import citations, passages, quotations

Span = tuple[int, int]


@dataclass(frozen=True)
class Claim:
    """A citation from bracket to bracket, its keys with their places, its sentence and the quotations it covers."""

    span: Span
    keys: list[tuple[int, int, str]] = field(default_factory=list)
    sentence: str = ""
    quotations: list[str] = field(default_factory=list)


def claims(paragraph: str) -> Iterator[Claim]:
    """Every citation of a paragraph with what it stands for.

    It stands for its sentence, or for the one before if it opens its own; and for what was quoted since the last
    citation, which may be in a sentence before that.
    """
    block = quotations.in_place(paragraph)
    quoted, cited, keys = quotations.spans(block), citations.spans(paragraph), citations.key_places(paragraph)
    ends = sentence_ends(block, quoted, cited)
    since = 0
    for start, end in cited:
        number = bisect_right(ends, start)
        begin = ends[number - 1] if number else 0
        if number and not re.search(r"\w", block[begin:start]):
            number -= 1
            begin = ends[number - 1] if number else 0
        until = max(end, ends[number]) if number < len(ends) else end
        inside = [(a, b) for a, b in quoted if begin <= a < until or since <= a < start]
        yield Claim(
            span=(start, end),
            keys=[one for one in keys if start <= one[0] < end],
            sentence=citations.without_citations(paragraph[begin:until]).strip(),
            quotations=[quote for a, b in inside if (quote := block[a + 1 : b - 1].strip())],
        )
        since = end


def sentence_ends(block: str, quoted: Sequence[Span], cited: Sequence[Span]) -> list[int]:
    """Where the sentences end; a full stop within a quotation ends one only if it is the quotation's last."""
    letters = list(block)
    for start, end in quoted:
        last = letters[end - 2] if letters[end - 2] in ".!?…" else "Q"
        letters[start + 1 : end - 1] = (["Q"] * (end - start - 3) + [last])[: end - start - 2]
    for start, end in cited:
        letters[start + 1 : end - 1] = ["C"] * (end - start - 2)
    masked = "".join(letters)
    ends: list[int] = []
    for sentence in passages.sentences(masked):
        ends.append(masked.index(sentence, ends[-1] if ends else 0) + len(sentence))
    return ends


def stands_in(quotation: str, folded_text: str) -> bool:
    """Whether whole words of the text are quoted: “all” is no quotation from “walls”."""
    wording = citations.folded(quotation).rstrip(".,;:")
    whole = rf"(?<![a-z0-9]){re.escape(wording)}(?![a-z0-9])"
    return bool(re.search(whole, folded_text)) if wording.strip() else False

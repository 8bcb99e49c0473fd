"""A section written from passages: quotations with their source, and sentences on what the sources connect."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from autonomy.providers.offline import quoting
from autonomy.providers.offline.evidence import Evidence, Sentence, companions
from autonomy.providers.offline.frames import (
    COMPARING,
    QUOTING,
    QUOTING_AGAIN,
    QUOTING_CLAUSE,
    QUOTING_KNOWN,
    QUOTING_LOWER,
    SHARING,
    TELLING,
    TELLING_KNOWN,
    Rotation,
    listing,
    title_of,
)

_FIRST_SHARE = 0.75
_PARAGRAPH_WORDS = 110
_MOST_PARAGRAPHS = 4


def write(material: dict[str, Any]) -> dict[str, Any]:
    """`{"markdown": str}` for the material of a `section` request; empty if the passages give nothing to say."""
    return {"markdown": _write(material)[0]}


def _write(material: dict[str, Any]) -> tuple[str, list[str]]:
    """The Markdown, and the sentences it quotes. A revision is kept away from what the draft before it quoted."""
    revision = int(material.get("revision") or 0)
    stale: list[str] = []
    if revision > 0:
        # Ever since the first revision, one alternates with the next: two versions back is far enough.
        before = (revision - 1) % 2 if revision > 2 else revision - 1
        share = material.get("quote_share", _FIRST_SHARE) if before else _FIRST_SHARE
        stale = _write({**material, "revision": before, "quote_share": share})[1]
    composer = _Composer(material, revision, set(stale))
    return composer.compose(), composer.quoted


@dataclass
class _Paragraph:
    sentences: list[str] = field(default_factory=list)
    last_key: str = ""
    quotes_in_a_row: int = 0
    compared: bool = False


class _Composer:
    def __init__(self, material: dict[str, Any], revision: int, stale: set[str]) -> None:
        self._evidence = Evidence(material)
        self._origins = {passage["id"]: passage for passage in material["passages"]}
        self._wordings = [quoting.running(passage["text"]) for passage in material["passages"]]
        self._rotation = Rotation(f"{material['heading']}|{revision}")
        self._words = max(0, int(material["words"]))
        bound = min(1.0, max(0.0, float(material.get("quote_share", _FIRST_SHARE))))
        # A first draft is led by quotations, not made of them.
        self._bound, self._share = bound, min(bound, 0.62) if revision == 0 else bound
        self._brief = revision > 0
        self._stale = stale
        self._avoid = [quoting.normal(text).strip(" .'") for text in material.get("avoid") or []]
        self._in_quotes = 0
        self._total = 0
        self._titled: set[str] = set()
        self._drawn: Counter[str] = Counter()
        self._linked: set[frozenset[tuple[str, ...]]] = set()
        best = max((sentence.score for sentence in self._evidence.sentences), default=0.0)
        # What hardly bears on the section would only fill it.
        enough = math.ceil(self._words / 15)
        self._left = [
            one for place, one in enumerate(self._evidence.sentences) if place < enough or one.score >= 0.3 * best
        ]
        self._has_better = any(not one.dangling for one in self._left)
        self.quoted: list[str] = []

    def compose(self) -> str:
        count = max(1, min(_MOST_PARAGRAPHS, math.ceil(self._words / _PARAGRAPH_WORDS - 0.4)))
        paragraphs: list[str] = []
        for number in range(1, count + 1):
            paragraph = self._paragraph(self._words * number / count)
            if paragraphs and len(paragraph.sentences) == 1:
                paragraphs[-1] += " " + paragraph.sentences[0]
            elif paragraph.sentences:
                paragraphs.append(" ".join(paragraph.sentences))
        if not paragraphs and self._origins:
            paragraphs = [self._pointer()]
        return "\n\n".join(paragraphs)

    def _pointer(self) -> str:
        """Where the passages stand, when they hold no sentence that could be quoted or told."""
        titles = {str(origin["key"]): title_of(str(origin.get("title") or "")) for origin in self._origins.values()}
        listed = [f"{title or 'one of the sources'} [@{key}]" for key, title in titles.items()][:3]
        return f"Passages that bear on this, though in no sentence to quote, stand in {listing(listed)}."

    def _paragraph(self, until: float) -> _Paragraph:
        paragraph = _Paragraph()
        members = companions(self._left, self._stale, self._drawn)
        used: set[int] = set()
        self._open(paragraph, members)
        while self._total < until - 8:
            rest = [member for member in members if id(member) not in used]
            done = self._next(paragraph, rest)
            if done is None:
                break
            used.add(id(done))
        self._left = [sentence for sentence in self._left if id(sentence) not in used]
        return paragraph

    def _open(self, paragraph: _Paragraph, members: list[Sentence]) -> None:
        """Begin with a subject that two sources have in common, if there is one."""
        for one in members[:5]:
            for other in members[:8]:
                common = self._evidence.common(one, other)
                if one.key == other.key or not common or frozenset((common[0].key,)) in self._linked:
                    continue
                parts = {"X": common[0].said, **self._source(one), **self._source(other, "2")}
                if self._add(paragraph, self._rotation.fill(SHARING, **parts), one, other):
                    self._linked.add(frozenset((common[0].key,)))
                    paragraph.last_key = ""
                    return

    def _next(self, paragraph: _Paragraph, rest: list[Sentence]) -> Sentence | None:
        """Add one sentence and return the member it came from; None if nothing more can be said."""
        longest_row = 1 if self._brief else 2
        if paragraph.quotes_in_a_row < longest_row:
            for member in rest[: 4 if self._brief else 3]:
                if self._quote(paragraph, member):
                    return member
        for position, member in enumerate(rest):
            if self._compare(paragraph, member, rest[position + 1 :]) or self._tell(paragraph, member):
                return member
        return next((member for member in rest if self._quote(paragraph, member)), None)

    def _quote(self, paragraph: _Paragraph, one: Sentence) -> bool:
        wording = quoting.clause(one.text) if self._brief else None
        whole = wording is None
        if whole and self._brief and one.words > 24:
            return False
        quotation = quoting.as_quotation(wording or one.text)
        if quotation is None or self._is_used(quotation) or (one.dangling and self._has_better):
            return False
        parts = {"q": quotation, **self._source(one), "X": self._evidence.subject(one, wording or one.text)}
        frames: Sequence[str] = QUOTING if whole else QUOTING_CLAUSE
        if paragraph.last_key == one.key:
            frames = QUOTING_AGAIN
        elif whole and one.key in self._titled:
            frames = QUOTING_KNOWN
        if quotation[1].islower():
            frames = QUOTING_LOWER
        if not self._add(paragraph, self._rotation.fill(frames, **parts), one):
            return False
        self.quoted.append(one.text)
        self._avoid.append(quoting.normal(quotation).strip(" .'"))
        return True

    def _tell(self, paragraph: _Paragraph, one: Sentence) -> bool:
        """Say which terms a sentence connects, and in what manner, without its wording."""
        if len(one.terms) < 2 or self._is_told(one):
            return False
        said = dict(zip("XYZ", (term.said for term in one.terms), strict=False))
        kinds = [kind for kind in one.kinds if kind in TELLING]
        kind = kinds[0] if kinds else "three" if len(one.terms) > 2 else "plain"
        frames: Sequence[str] = TELLING_KNOWN if kind == "plain" and one.key in self._titled else TELLING[kind]
        if not self._add(paragraph, self._rotation.fill(frames, **said, **self._source(one)), one):
            return False
        self._note(one)
        return True

    def _compare(self, paragraph: _Paragraph, one: Sentence, others: list[Sentence]) -> bool:
        """Set two sources side by side that name different things with the same term."""
        if paragraph.compared or self._is_told(one):
            return False
        for other in others[:8]:
            shared = {term.key for term in one.terms} & {term.key for term in other.terms}
            beside = [next((t for t in each.terms if t.key not in shared), None) for each in (one, other)]
            if one.key == other.key or not shared or self._is_told(other) or beside[0] is None or beside[1] is None:
                continue
            if set(beside[0].key) & set(beside[1].key):
                continue
            term = next(term for term in one.terms if term.key in shared)
            parts = {"X": term.said, "Y": beside[0].said, "Y2": beside[1].said}
            filled = self._rotation.fill(COMPARING, **parts, **self._source(one), **self._source(other, "2"))
            if self._add(paragraph, filled, one, other):
                self._note(one)
                self._note(other)
                paragraph.last_key = ""
                paragraph.compared = True
                return True
        return False

    def _is_told(self, one: Sentence) -> bool:
        return any(frozenset((a.key, b.key)) in self._linked for a in one.terms for b in one.terms if a.key < b.key)

    def _note(self, one: Sentence) -> None:
        self._linked.update(frozenset((a.key, b.key)) for a in one.terms for b in one.terms if a.key < b.key)

    def _is_used(self, quotation: str) -> bool:
        wording = quoting.normal(quotation).strip(" .'")
        return any(wording in other or other in wording for other in self._avoid if other)

    def _source(self, one: Sentence, suffix: str = "") -> dict[str, str]:
        origin = self._origins[one.passage]
        title = title_of(str(origin.get("title") or ""), short=one.key in self._titled)
        author = title_of(str(origin.get("author") or "")).strip("*")
        return {f"T{suffix}": title or "one of the sources", f"A{suffix}": author, f"c{suffix}": f"[@{one.key}]"}

    def _add(self, paragraph: _Paragraph, text: str | None, *members: Sentence) -> bool:
        """Take a sentence in, unless it takes the share of quoted words past its bound or copies a source."""
        if text is None:
            return False
        in_quotes, total = quoting.count(text)
        share = self._share if self._total else self._bound
        if in_quotes and self._in_quotes + in_quotes > share * (self._total + total):
            return False
        if any(quoting.copies(text, words) for words in self._wordings):
            return False
        self._in_quotes += in_quotes
        self._total += total
        paragraph.sentences.append(text)
        paragraph.last_key = members[-1].key
        paragraph.quotes_in_a_row = paragraph.quotes_in_a_row + 1 if in_quotes else 0
        self._titled.update(member.key for member in members)
        self._drawn.update(member.key for member in members)
        return True

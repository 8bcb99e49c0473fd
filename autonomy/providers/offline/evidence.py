"""The sentences of the passages, weighed for one section."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from autonomy.providers.offline import quoting
from autonomy.providers.offline.vocabulary import Term, Vocabulary, common_words, stems
from autonomy.providers.offline.wording import quality, quotable
from autonomy.text.passages import count_words, sentences

_DANGLING = re.compile(
    r"(?:it|its|they|their|them|he|she|his|her|we|our|i|however|therefore|thus|hence|moreover|furthermore|similarly"
    r"|instead|otherwise|also|then|here|there|but|and|so|yet|or|nor|another|others|both|neither|such|as a result"
    r"|in addition|for example|for instance|on the other hand|by contrast|in contrast|later|afterwards|meanwhile)\b"
    r"|(?:\S+\s+){0,4}(?:it|them|they|the same|the former|the latter)\b"
    r"|.*\b(?:this|these|such(?! as)|those(?! (?:that|who|which))|(?:for|at|in|on|with) that)\b",
    re.IGNORECASE,
)
# What a sentence loses for each time that its source was drawn on before.
_WORN = 0.12
# Below this quality a line is hardly a sentence, and is used only where there is nothing else.
_UNSOUND = 0.25
_KINDS = {
    "reason": r"\bbecause\b|\btherefore\b|\bso that\b|\bwhich is why\b|\bfor that reason\b",
    "condition": r"\bif\b|\bunless\b|\bprovided that\b|\bas long as\b|\bon condition that\b|\bdepends on\b",
    "contrast": r"\bwhereas\b|\balthough\b|\bbut\b|\bby contrast\b|\bunlike\b|\brather than\b|\binstead of\b",
    "example": r"\bfor example\b|\bfor instance\b|\bsuch as\b",
    "figures": r"\d+(?:[.,]\d+)? ?(?:%|per cent|percent|metre|meter|km|kilomet|million|billion|thousand|people)",
    "date": r"\b(?:1[5-9]|20)\d\d\b",
}
_KIND_PATTERNS = {kind: re.compile(pattern, re.IGNORECASE) for kind, pattern in _KINDS.items()}


@dataclass(frozen=True, eq=False)
class Sentence:
    """One sentence of a passage; `score` is higher the more it bears on the section."""

    key: str
    passage: str
    text: str
    words: int
    score: float
    sound: bool
    dangling: bool
    stems: frozenset[str]
    terms: tuple[Term, ...]
    kinds: tuple[str, ...]


class Evidence:
    """All usable sentences of a section's passages, best first."""

    def __init__(self, material: dict[str, Any]) -> None:
        passages = material["passages"]
        lines = [(passage, line) for passage in passages for line in sentences(passage["text"])]
        self.vocabulary = Vocabulary(line for _, line in lines)
        asked = _asked(material)
        self._topic = frozenset(stems(str(material["topic"])))
        self._heading = frozenset(stems(str(material["heading"])))
        spread = Counter(word for _, line in lines for word in set(stems(line)))
        self._common = common_words(str(passage.get("title") or "") for passage in passages)
        rank = {passage["id"]: position for position, passage in enumerate(passages)}
        self.sentences: list[Sentence] = []
        seen: set[str] = set()
        for passage, line in lines:
            text = quotable(line)
            if text is None or quoting.normal(text) in seen:
                continue
            seen.add(quoting.normal(text))
            present = frozenset(stems(text))
            match = sum(asked[word] * math.log(1 + len(lines) / spread[word]) for word in present if word in asked)
            score = match / math.sqrt(8 + len(present)) + 0.4 / (1 + rank[passage["id"]])
            worth = quality(text, self.vocabulary)
            self.sentences.append(
                Sentence(
                    key=passage["key"],
                    passage=passage["id"],
                    text=text,
                    words=count_words(text),
                    score=score * worth,
                    sound=worth > _UNSOUND,
                    dangling=_DANGLING.match(text) is not None,
                    stems=present,
                    terms=self._named(text),
                    kinds=tuple(kind for kind, pattern in _KIND_PATTERNS.items() if pattern.search(text)),
                )
            )
        if any(one.sound and not one.dangling for one in self.sentences):
            self.sentences = [one for one in self.sentences if one.sound]
        self.sentences.sort(key=lambda sentence: (sentence.dangling, -sentence.score, sentence.passage, sentence.text))

    def subject(self, one: Sentence, wording: str) -> str:
        """The term of a sentence that says best what the quoted wording is about; empty if none does."""
        quoted = set(stems(wording))
        fitting = [term for term in one.terms if set(term.key) <= quoted and self._is_telling(term)]
        best = max(fitting, key=lambda term: (self._weight(term), -term.start), default=None)
        return best.said if best else ""

    def common(self, one: Sentence, other: Sentence) -> list[Term]:
        """The terms on the section's own subject that two sentences share, the weightiest first."""
        shared = {term.key for term in other.terms if set(term.key) & self._heading}
        terms = [term for term in one.terms if term.key in shared and self._is_telling(term)]
        return sorted(terms, key=lambda term: (-self._weight(term), term.start))

    def _is_telling(self, term: Term) -> bool:
        """Whether a term can announce a sentence: it bears on the section or recurs."""
        key = set(term.key)
        if term.said.startswith(("a ", "an ")):
            return False  # something that only this one sentence knows
        if key & self._heading and (len(key) > 1 or not key <= self._topic):
            return True
        return self.vocabulary.spread[term.key] > (1 if len(key) > 1 else 2)

    def _named(self, line: str) -> tuple[Term, ...]:
        terms: dict[tuple[str, ...], Term] = {}
        for term in self.vocabulary.terms(line):
            # What the whole document is about says nothing about one of its sections.
            known = self._topic | self._common
            if set(term.key) - known and not any(set(term.key) & set(other) for other in terms):
                terms[term.key] = term
        strongest = sorted(terms.values(), key=lambda term: (-self._weight(term), term.start))[:3]
        return tuple(sorted(strongest, key=lambda term: term.start))

    def _weight(self, term: Term) -> float:
        return self.vocabulary.weight(term.key) * (1.5 if set(term.key) & self._heading else 1.0)


def _asked(material: dict[str, Any]) -> dict[str, float]:
    asked: dict[str, float] = {}
    for field, weight in (("heading", 3.0), ("question", 1.0), ("note", 0.7), ("topic", 0.4)):
        for word in set(stems(str(material.get(field) or ""))):
            asked[word] = max(asked.get(word, 0.0), weight)
    return asked


def companions(sentences: list[Sentence], stale: set[str], drawn: Counter[str], most: int = 14) -> list[Sentence]:
    """The best sentence and those that go with it, in an order that changes sources; `stale` wordings come late.

    `drawn` says how often each source was drawn on before: among sentences of like weight the fresh source leads.
    """
    if not sentences:
        return []
    best = max(one.score for one in sentences) or 1.0
    lead = max(
        sentences, key=lambda one: one.score / best - one.dangling - (one.text in stale) - _WORN * drawn[one.key]
    )
    rest = [one for one in sentences if one is not lead]
    chosen = [lead]
    drawn = Counter(drawn)
    drawn[lead.key] += 1

    def fit(one: Sentence) -> float:
        late = 0.25 * (one.key == chosen[-1].key) + 0.7 * one.dangling + 0.5 * (one.text in stale)
        late += _WORN * min(6, drawn[one.key])
        return one.score / best + 1.2 * _likeness(one, lead) - late

    while rest and len(chosen) < most:
        following = max(rest, key=fit)
        rest.remove(following)
        chosen.append(following)
        drawn[following.key] += 1
    return chosen


def _likeness(one: Sentence, other: Sentence) -> float:
    """How much two sentences speak of the same, 0 to 1."""
    shared = len(one.stems & other.stems)
    return shared / math.sqrt(len(one.stems) * len(other.stems)) if shared else 0.0

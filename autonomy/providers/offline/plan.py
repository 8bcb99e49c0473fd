"""A plan in the terms of the sources: which sections, what each asks, and where to look."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from autonomy.providers.offline.frames import capitalised
from autonomy.providers.offline.vocabulary import Term, Vocabulary, content_words, stem, stems

_QUESTIONS = (
    "What do the sources say about {}?",
    "How do the sources describe {}?",
    "What do the sources connect with {}?",
    "Where do the sources agree and differ on {}?",
    "What do the sources report on {}?",
)


def make(material: dict[str, Any]) -> dict[str, Any]:
    """`{"title", "sections": [{"heading", "question", "words", "queries"}]}` for the material of a `plan` request.

    Headings that were asked for are kept in their order; otherwise three to five are found, fewer if the sources are
    too few to carry them.
    """
    outline = _Outline(material)
    asked = [clean for clean in (_one_line(heading) for heading in material.get("sections") or []) if clean]
    headings = asked or outline.headings(_how_many(int(material["words"])))
    words = _shares(max(0, int(material["words"])), len(headings))
    revision = int(material.get("revision") or 0)
    sections = [
        {
            "heading": heading,
            "question": _question(heading, position),
            "words": words[position],
            "queries": outline.queries(heading, revision),
        }
        for position, heading in enumerate(headings)
    ]
    return {"title": capitalised(_cut(_one_line(material["topic"]).rstrip(".;:,"), 150)), "sections": sections}


def _how_many(words: int) -> int:
    return 3 if words < 700 else 4 if words < 1500 else 5


def _shares(words: int, parts: int) -> list[int]:
    """`words` in nearly equal parts, the earlier ones the larger."""
    return [words // parts + (position < words % parts) for position in range(parts)]


def _one_line(text: object) -> str:
    return " ".join(str(text).split())


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[:length].rsplit(" ", 1)[0] + "…"


def _question(heading: str, position: int) -> str:
    return heading if heading.endswith("?") else _QUESTIONS[position % len(_QUESTIONS)].format(_in_sentence(heading))


def _in_sentence(heading: str) -> str:
    """A heading as it reads within a sentence: lower case at the start unless it is a name or an abbreviation."""
    heading = heading.rstrip("?.!:")
    first = heading.split(" ", 1)[0]
    return heading if any(letter.isupper() for letter in first[1:]) else heading[:1].lower() + heading[1:]


class _Outline:
    """The vocabulary of the sources, with titles and headings weighing more than running text."""

    def __init__(self, material: dict[str, Any]) -> None:
        self._sources = list(material.get("sources") or [])
        self._topic = _one_line(material["topic"])
        self._note = str(material.get("note") or "")
        self._running = [str(source.get("excerpt") or "") for source in self._sources]
        labels = [f"{self._uncapitalised(line)}." for source in self._sources for line in _labels(source)]
        self._vocabulary = Vocabulary([*self._running, *labels])
        self._topic_stems = set(stems(self._topic))
        self._weights: Counter[tuple[str, ...]] = Counter()
        self._near: dict[tuple[str, ...], Counter[tuple[str, ...]]] = {}
        self._said: dict[tuple[str, ...], str] = {}
        for source in self._sources:
            self._learn(source)

    def _learn(self, source: dict[str, Any]) -> None:
        here: Counter[tuple[str, ...]] = Counter()
        lines = [(self._uncapitalised(line), 2.0) for line in _labels(source)]
        lines[:1] = [(line, 4.0) for line, _ in lines[:1]]
        lines += [(line, 0.5) for line in re.split(r"(?<=[.!?])\s+", str(source.get("excerpt") or ""))]
        for line, weight in lines:
            for term in self._vocabulary.terms(line):
                if not set(term.key) - self._topic_stems:
                    continue  # what the whole document is about heads no single section
                here[term.key] += weight  # type: ignore[assignment]
                self._said.setdefault(term.key, _bare(term))
        for key, weight in here.items():
            self._weights[key] += min(weight, 6) * (1.4 if len(key) > 1 else 1)  # type: ignore[assignment]
            self._near.setdefault(key, Counter()).update(here)

    def _uncapitalised(self, label: str) -> str:
        """A title or heading without its capital, unless the first word has one in the middle of a sentence too."""
        first = label.split(" ", 1)[0]
        within = re.compile(rf"[a-z,] {re.escape(first)}\b")
        is_name = any(letter.isupper() for letter in first[1:]) or any(map(within.search, self._running))
        return label if is_name else label[:1].lower() + label[1:]

    def headings(self, count: int) -> list[str]:
        """Up to `count` headings, each joining two terms that stand in the same source."""
        chosen: list[str] = []
        taken: set[str] = set()
        for key, _ in sorted(self._weights.items(), key=lambda item: (-item[1], item[0])):
            if len(chosen) == count:
                break
            if set(key) & taken:
                continue
            partner = self._partner(key, taken)
            taken |= set(key) | set(partner or ())
            chosen.append(capitalised(" and ".join(self._said[part] for part in (key, partner) if part)))
        if len(chosen) >= min(3, count):
            return chosen
        titles = [_cut(_one_line(source.get("title") or ""), 90) for source in self._sources]
        return list(dict.fromkeys(filter(None, titles)))[:count] or chosen or [capitalised(self._topic)]

    def _partner(self, key: tuple[str, ...], taken: set[str]) -> tuple[str, ...] | None:
        fitting = [
            (weight + self._weights[other] / 4, other)
            for other, weight in self._near[key].items()
            if not set(other) & (taken | set(key)) and weight >= 1
        ]
        return max(fitting)[1] if fitting else None

    def queries(self, heading: str, revision: int) -> list[str]:
        """One to three searches: the heading, the heading in the topic's words, and terms that stand near it."""
        own = _distinct(content_words(heading)) or _distinct(heading.split())
        topic = [word for word in _distinct(content_words(self._topic)) if stem(word) not in {stem(w) for w in own}]
        wanted = set(stems(heading))
        near: Counter[tuple[str, ...]] = Counter()
        for key, others in self._near.items():
            if set(key) & wanted:
                near.update(others)
        ranked = sorted(near, key=lambda key: (-near[key] * self._weights[key], key))
        terms = [self._said[key] for key in ranked if not set(key) & wanted]
        # A revision looks further down the list, so that other passages come to hand.
        terms = terms[3 * revision : 3 * revision + 3] or terms[:3]
        noted = [word for word in content_words(self._note) if any(stem(word) in key for key in self._weights)]
        searches = [" ".join(own[:8]), " ".join([*own[:4], *topic[:4]]), " ".join([*_distinct([*noted, *terms])[:6]])]
        return [search for search in dict.fromkeys(searches) if search]


def _labels(source: dict[str, Any]) -> list[str]:
    lines = [_one_line(source.get("title") or ""), *(_one_line(heading) for heading in source.get("headings") or [])]
    return list(dict.fromkeys(line for line in lines if line)) or [""]


def _bare(term: Term) -> str:
    return re.sub(r"^(?:a|an|the) ", "", term.said)


def _distinct(words: list[str]) -> list[str]:
    return list({stem(word): word for word in reversed(words)}.values())[::-1]

"""What the sources have in common, as the headings and searches of a plan."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Any

from autonomy.providers.offline.frames import capitalised
from autonomy.providers.offline.vocabulary import Term, Vocabulary, common_words, content_words, labelled, stem, stems
from autonomy.providers.offline.wordlists import DOCUMENT_WORDS, WEAK_ALONE

_Key = tuple[str, ...]
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
# Headings beyond these add little, and a source with hundreds of them is not to outweigh the others.
_MOST_LABELS = 80


def one_line(text: object) -> str:
    return " ".join(str(text).split())


def cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[:length].rsplit(" ", 1)[0] + "…"


class Outline:
    """The vocabulary of the sources. A term counts for the sources it stands in and for its nearness to the topic."""

    def __init__(self, material: dict[str, Any]) -> None:
        self._sources = list(material.get("sources") or [])
        self._topic = one_line(material["topic"])
        self._note = str(material.get("note") or "")
        running = [str(source.get("excerpt") or "") for source in self._sources]
        prose = [line for text in running for line in _SENTENCE_END.split(text)]
        spoken = Vocabulary(prose)
        labels = [[_uncapitalised(line, spoken) for line in _labels(source)] for source in self._sources]
        self._vocabulary = Vocabulary([*prose, *(line for lines in labels for line in lines)])
        self._topic_stems = set(stems(self._topic))
        self._common = common_words(str(source.get("title") or "") for source in self._sources)
        self._strength: dict[_Key, float] = {}
        self._near: dict[_Key, Counter[_Key]] = {}
        self._said: dict[_Key, Counter[str]] = {}
        present = [_runs([*lines, text]) for lines, text in zip(labels, running, strict=True)]
        rarity = {word: math.log(1 + len(present) / sum((word,) in runs for runs in present))
                  for word in self._topic_stems if any((word,) in runs for runs in present)}  # fmt: skip
        fits = [sum(rarity[word] for word in rarity if (word,) in runs) for runs in present]
        best = max(fits, default=0.0)
        # A source that shares little with the topic has little say in what the sections are.
        weights = [(0.1 + fit / best) if best else 1.0 for fit in fits]
        self._total = sum(weights) or 1.0
        for lines, text, weight in zip(labels, running, weights, strict=True):
            self._learn(lines, text, weight)
        self._spread = {
            key: sum(weight for runs, weight in zip(present, weights, strict=True) if key in runs)
            for key in self._strength
        }

    def _learn(self, labels: list[str], excerpt: str, weight: float) -> None:
        here: dict[_Key, float] = {}
        lines = [(line, 2.0) for line in labels] + [(line, 0.7) for line in _SENTENCE_END.split(excerpt)]
        for line, worth in lines:
            nearness = 1 + 0.5 * min(3, len(self._topic_stems & set(stems(line))))
            for term in self._vocabulary.terms(line):
                if self._is_poor(term):
                    continue
                here[term.key] = here.get(term.key, 0.0) + worth * nearness
                self._said.setdefault(term.key, Counter())[_bare(term)] += 1
        strongest = dict(sorted(here.items(), key=lambda item: (-item[1], item[0]))[:60])
        for key, value in here.items():
            phrase = 1.8 if len(key) > 1 else 1.0
            self._strength[key] = self._strength.get(key, 0.0) + weight * phrase * math.log(1 + value)
            if key in strongest:
                near = self._near.setdefault(key, Counter())
                for other, worth in strongest.items():
                    near[other] += weight * math.sqrt(min(value, worth))  # type: ignore[assignment]

    def _is_poor(self, term: Term) -> bool:
        """Whether a term heads no section: a word of every title, of documents, of the topic, or an initialism."""
        key = set(term.key)
        bare = _bare(term)
        return (
            key <= self._topic_stems | self._common | WEAK_ALONE
            or term.key[-1] in WEAK_ALONE
            or bool(key & (self._common | DOCUMENT_WORDS))
            or any(len(word) < 3 or (word.isupper() and len(bare.split()) == 1) for word in bare.split())
            or (len(term.key) == 1 and len(bare) < 4)
        )

    def _rank(self, key: _Key) -> float:
        """Terms of several sources come first; a term of one source is at best the last resort."""
        touching = 1.25 if set(key) & self._topic_stems else 1.0
        name = 0.5 if any(word[:1].isupper() for word in self._say(key).split()) else 1.0
        # What every source speaks of is no part of the matter but the whole of it.
        share = self._spread[key] / self._total if len(self._sources) > 3 else 0.0
        alone = 0.3 if self._spread[key] <= 1.1 and len(self._sources) > 2 else 1.0
        return self._strength[key] * math.log(1 + self._spread[key]) * touching * name * alone * (1.1 - share)

    def _say(self, key: _Key) -> str:
        """The commonest form of a term, of equals the shortest. A plural that is not rare names the matter better."""
        forms = self._said[key]
        plurals = [form for form in forms if not form.lower().endswith(key[-1])]
        if plurals and sum(forms[form] for form in plurals) * 4 >= forms.total():
            forms = Counter({form: forms[form] for form in plurals})
        return min(forms, key=lambda form: (-forms[form], len(form), form))

    def headings(self, count: int) -> list[str]:
        """Up to `count` headings, each joining two terms that stand in the same source."""
        chosen: list[str] = []
        taken: set[str] = set()
        for key in sorted(self._strength, key=lambda key: (-self._rank(key), key)):
            if len(chosen) == count:
                break
            if set(key) & taken:
                continue
            partner = self._partner(key, taken)
            taken |= set(key) | set(partner or ())
            chosen.append(capitalised(" and ".join(self._say(part) for part in (key, partner) if part)))
        if len(chosen) >= min(3, count):
            return chosen
        titles = [cut(one_line(source.get("title") or ""), 90) for source in self._sources]
        return list(dict.fromkeys(filter(None, titles)))[:count] or chosen or [capitalised(self._topic)]

    def _partner(self, key: _Key, taken: set[str]) -> _Key | None:
        fitting = [
            (math.sqrt(near) * self._rank(other), other)
            for other, near in self._near.get(key, {}).items()
            if not set(other) & (taken | set(key)) and (self._spread[other] > 1.1 or len(self._sources) < 8)
        ]
        return max(fitting)[1] if fitting else None

    def queries(self, heading: str, revision: int, position: int = 0) -> list[str]:
        """One to three searches: the heading, the heading in the topic's words, and terms that stand near it."""
        own = _distinct(content_words(heading)) or _distinct(heading.split())
        topic = [word for word in _distinct(content_words(self._topic)) if stem(word) not in {stem(w) for w in own}]
        wanted = set(stems(heading))
        near: Counter[_Key] = Counter()
        for key, others in self._near.items():
            if set(key) & wanted:
                near.update(others)
        ranked = sorted(near, key=lambda key: (-near[key] * self._rank(key), key))
        terms = [self._say(key) for key in ranked if not set(key) & wanted]
        # A revision looks further down the list, so that other passages come to hand.
        terms = terms[3 * revision : 3 * revision + 3] or terms[:3]
        known = {word for key in self._strength for word in key}
        noted = [word for word in content_words(self._note) if stem(word) in known]
        searches = [" ".join(own[:8]), " ".join([*own[:4], *topic[:4]]), " ".join([*_distinct([*noted, *terms])[:6]])]
        return [search[:300] for search in dict.fromkeys(searches) if search]


def _labels(source: dict[str, Any]) -> list[str]:
    lines = [one_line(source.get("title") or ""), *(one_line(heading) for heading in source.get("headings") or [])]
    return list(dict.fromkeys(line for line in lines if line))[:_MOST_LABELS]


def _runs(lines: list[str]) -> set[_Key]:
    """All runs of one to three content words, as stems."""
    found: set[_Key] = set()
    for line in lines:
        words = stems(line)
        found.update(tuple(words[at : at + length]) for length in (1, 2, 3) for at in range(len(words) - length + 1))
    return found


def _uncapitalised(label: str, spoken: Vocabulary) -> str:
    """A title or heading as it would stand within a sentence: only names and abbreviations keep their capitals."""
    words = label.split(" ")
    if labelled(label):
        return " ".join(re.sub(r"[^\W\d_]+", lambda match: spoken.plain(match[0]), word) for word in words)
    return " ".join([spoken.plain(words[0]), *words[1:]])


def _bare(term: Term) -> str:
    return re.sub(r"^(?:a|an|the) ", "", term.said)


def _distinct(words: list[str]) -> list[str]:
    return list({stem(word): word for word in reversed(words)}.values())[::-1]

"""The terms a set of texts speaks in: noun phrases found by counting, without any outside knowledge."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from autonomy.providers.offline.wordlists import (
    AFTER_NOUN,
    AFTER_VERB,
    ARTICLES,
    BASE_VERBS,
    BEFORE_NOUN,
    BEFORE_VERB,
    CALENDAR_WORDS,
    NOUN_ENDINGS,
    PALE_WORDS,
    STOP_WORDS,
    VAGUE_WORDS,
    WEAK_ALONE,
)

_NO_NOUN = ("ly", "ed", "ous", "ible", "ical", "ional", "ipal", "less", "able", "mental")
_OPENING = '.!?:“‘"('
_TOKEN = re.compile(r"[^\W_]+(?:[’'-][^\W_]+)*|[^\w\s]")


def stem(word: str) -> str:
    """The word in lower case without the commonest plural endings."""
    word = word.lower()
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def content_words(text: str) -> list[str]:
    """The words that carry meaning, in order and as written."""
    return [token for token in _TOKEN.findall(text) if token[0].isalnum() and token.lower() not in STOP_WORDS]


def stems(text: str) -> list[str]:
    return [stem(word) for word in content_words(text)]


def labelled(line: str | list[str]) -> bool:
    """Whether a line has capitals as headings have them, so that they tell nothing of a single word."""
    tokens = _TOKEN.findall(line) if isinstance(line, str) else line
    words = [token for token in tokens if token[0].isalpha() and token.lower() not in STOP_WORDS]
    if words and all(word.isupper() for word in words):
        return True
    return len(words) < 12 and sum(word[0].isupper() for word in words[1:]) * 5 > 3 * len(words[1:])


def common_words(titles: Iterable[str]) -> frozenset[str]:
    """The words of nearly every source's title, which tell none of them apart."""
    distinct = set(titles)
    counts = Counter(word for title in distinct for word in set(stems(title)))
    return frozenset(word for word, count in counts.items() if len(distinct) > 2 and count * 2 > len(distinct))


@dataclass(frozen=True)
class Term:
    """A noun phrase. `key` is its stems, `said` the phrase with its article as it stands in a sentence."""

    key: tuple[str, ...]
    said: str
    start: int


class Vocabulary:
    """What the given texts tell about which words are nouns, and how often each phrase occurs."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._noun: Counter[str] = Counter()
        self._verb: Counter[str] = Counter()
        self._final: Counter[str] = Counter()
        self._seen: Counter[str] = Counter()
        self._cased: Counter[str] = Counter()
        self._lower: Counter[str] = Counter()
        self._base: Counter[str] = Counter()
        self._initials: Counter[str] = Counter()
        self.counts: Counter[tuple[str, ...]] = Counter()
        self.spread: Counter[tuple[str, ...]] = Counter()
        parts = [_TOKEN.findall(text) for text in texts]
        for tokens in parts:
            self._learn(tokens)
        for tokens in parts:
            keys = [term.key for term in self._terms(tokens)]
            self.counts.update(keys)
            self.spread.update(set(keys))

    def terms(self, text: str) -> list[Term]:
        """The phrases of a text in reading order; they do not overlap."""
        return self._terms(_TOKEN.findall(text))

    def weight(self, key: tuple[str, ...]) -> float:
        """How much a phrase belongs to these texts; higher for phrases of several words and recurring ones."""
        return (1 + math.log(max(1, self.counts[key]))) * (1.5 if len(key) > 1 else 1.0) + 0.3 * self.spread[key]

    def is_verb(self, word: str) -> bool:
        """Whether a word in its base form stands where only a verb can, and more often than not."""
        word = word.lower()
        return self._base[word] > 0 and 2 * self._base[word] >= self._noun[stem(word)]

    def is_name(self, word: str) -> bool:
        """Whether a word has a capital wherever its capital tells something."""
        return self._cased[stem(word)] > 0 and not self._lower[stem(word)]

    def _learn(self, tokens: list[str]) -> None:
        lower = [token.lower() for token in tokens]
        is_label = labelled(tokens)
        for at, word in enumerate(lower):
            if not word[0].isalpha() or word in STOP_WORDS:
                continue
            before = lower[at - 1] if at else "."
            after = lower[at + 1] if at + 1 < len(lower) else "."
            name = stem(word)
            self._seen[name] += 1
            self._lower[name] += tokens[at][0].islower()
            self._noun[name] += (before in BEFORE_NOUN) + (after in AFTER_NOUN) + word.endswith(NOUN_ENDINGS)
            self._verb[name] += 2 * (before in BEFORE_VERB) + 2 * (after in AFTER_VERB) + word.endswith("ed")
            self._base[word] += before in BEFORE_VERB
            self._final[name] += not after[0].isalpha() or after in STOP_WORDS
            self._initials[name] += not is_label and len(word) > 1 and tokens[at].isupper()
            if at and not is_label and before not in _OPENING and tokens[at][0].isupper():
                self._cased[name] += 1

    def _is_head(self, word: str) -> bool:
        name = stem(word)
        if (
            len(name) < 3
            or name in VAGUE_WORDS
            or name in CALENDAR_WORDS
            or word.lower().endswith(_NO_NOUN)
            or not word[0].isalpha()
        ):
            return False
        enough = 2 if word.endswith("ing") else 1
        return (
            self._noun[name] >= enough
            and self._noun[name] > self._verb[name]
            and self._final[name] * 2 >= self._seen[name]
        )

    def _is_modifier(self, word: str) -> bool:
        name = stem(word)
        return (
            word[0].isalpha()
            and len(name) > 2
            and name not in PALE_WORDS
            and name not in CALENDAR_WORDS
            and name == word.lower()  # a plural before a noun is mostly a subject before its verb
            and not word.lower().endswith("ly")
            and self._verb[name] <= self._noun[name]
        )

    def _terms(self, tokens: list[str]) -> list[Term]:
        found: list[Term] = []
        at = 0
        while at < len(tokens):
            run = at
            while run < len(tokens) and tokens[run][0].isalpha() and tokens[run].lower() not in STOP_WORDS:
                run += 1
            if run == at:
                at += 1
                continue
            found += self._longest(tokens, at, run)
            at = run
        return found

    def _longest(self, tokens: list[str], begin: int, end: int) -> list[Term]:
        """The best phrase of a run of content words: one that fills the run, else one that ends or begins it."""
        spans = [(a, b) for a in range(begin, end) for b in range(a + 1, end + 1) if b - a <= 3]
        spans.sort(key=lambda span: (-(span[1] - span[0]), span[0]))
        for a, b in spans:
            opens = a == begin or (b - a > 1 and b == end) or end - begin > 3
            if any(self._is_unclear(word) for word in tokens[a:b]) or _cuts_a_name(tokens, a, b):
                continue
            if all(stem(word) in WEAK_ALONE for word in tokens[a:b]):
                continue
            if tokens[a].lower() in BASE_VERBS and not (a and tokens[a - 1].lower() in BEFORE_NOUN):
                continue  # what looks like a noun phrase is a verb and its object
            if opens and self._is_head(tokens[b - 1]) and all(self._is_modifier(word) for word in tokens[a : b - 1]):
                head = tokens[b - 1].lower()
                of_one = a > 0 and tokens[a - 1].lower() in ("a", "an")
                if (b < end and self._noun[stem(head)] < 2) or (of_one and stem(head) != head):
                    continue
                return [self._term(tokens, a, b, whole=b == end or tokens[b].endswith("ly"))]
        return []

    def _is_unclear(self, word: str) -> bool:
        """Whether a word stands only where sentences begin, so that its capital may or may not belong to it."""
        return word[0].isupper() and word[1:].islower() and not self._lower[stem(word)] and not self._cased[stem(word)]

    def _term(self, tokens: list[str], a: int, b: int, whole: bool) -> Term:
        words = tokens[a:b]
        opens = a == 0 or tokens[a - 1] in _OPENING
        if labelled(tokens):
            words = [self.plain(word) for word in words]
        elif opens and not (len(words) > 1 and words[1][0].isupper()):
            words = [self.plain(words[0]), *words[1:]]
        article = tokens[a - 1].lower() if whole and a and tokens[a - 1].lower() in ARTICLES else ""
        return Term(tuple(stem(word) for word in words), " ".join([article, *words]).strip(), a)

    def plain(self, word: str) -> str:
        """The word as it stands within a sentence: a name or an abbreviation keeps its capitals."""
        if any(letter.islower() for letter in word) and any(letter.isupper() for letter in word[1:]):
            return word
        if len(word) > 1 and word.isupper():
            name = stem(word)
            return word if len(word) <= 5 and self._initials[name] and not self._lower[name] else word.lower()
        return word if self.is_name(word) else word.lower()


def _cuts_a_name(tokens: list[str], a: int, b: int) -> bool:
    """Whether the phrase is a part of a longer run of words with capitals, as “Seismic Retrofit” of a programme."""
    before = tokens[a - 1] if a > 1 and tokens[a - 2] not in _OPENING else ""
    after = tokens[b] if b < len(tokens) else ""
    starts, ends = tokens[a][0].isupper(), tokens[b - 1][0].isupper()
    if labelled(tokens):
        return False
    if starts and a > 1 and tokens[a - 1] in ("of", "and", "&", "for") and tokens[a - 2][0].isupper():
        return True
    return (starts and before[:1].isupper()) or (ends and after[:1].isupper()) or (ends and not starts and b - a > 1)

"""The terms a set of texts speaks in: noun phrases found by counting, without any outside knowledge."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

_DETERMINERS = "a an the its their his her our your each every some any no this that these those such many most few"
_PREPOSITIONS = "of in on at by for from with without into through between behind under over during against along"
_VERBAL = "to can could may might must shall should will would do does did not it they we you he she who cannot let"
_OBJECTS = "one ones a an the its their them his her each every what how whether it"
_AUXILIARY = "is are was were has have had be been being of can will may must should does do"
_STOP = f"""{_DETERMINERS} {_PREPOSITIONS} {_VERBAL} {_AUXILIARY}
about above across add adds after again all almost also although am among and another anybody anyone anything anyway
are around as away back because become becomes before began begin below beside best better both brought built but call
called calls came caught come comes count counts cut depend depends drawn else enough especially even ever everybody
everyone everything far felt finally first forever further gets give given gives go goes gone got grown held here how
however i if instead just keep keeps kept know known knows large last later lead leads least leave leaves left less
like likely live lives long lose loses made make makes making me mean means meet meets more moreover move moves much
must near nearly need needs neither never new next nobody nor nothing now often old once one only onto or other others
out own pay pays per perhaps put puts quite rarely rather really regard regards relies rely rise rises rose said same
save saves saw say says seek seem seems seen seldom serve serves set sets several since small so someone something
sometimes soon speak speaks stand stands still sunk take taken takes tend tends than them themselves then there
therefore they three thus too towards two unlike until up upon us used usually very via way well what whatever when
where whereas whether which while whom whose why within worse worst yet
"""
_VAGUE = """
advance amount answer area attempt average benefit calm case cent century chaotic choice common condition course day
decade detail end example exception fact form fraction frequent front gap generation green half height hour kind land
layer level limit lot mark matter mean measure metre minute month mood name need number order ordinary part people
per-cent percent place point practice problem question rare reason regard region rest result role rule sentence share
side size sort source stage start step subject sum thing time today trouble truth turn use useful view way week word
work year
"""
STOP_WORDS = frozenset(_STOP.split())
_BEFORE_NOUN = frozenset(f"{_DETERMINERS} {_PREPOSITIONS}".split())
_BEFORE_VERB = frozenset(_VERBAL.split())
_AFTER_NOUN = frozenset(_AUXILIARY.split())
_AFTER_VERB = frozenset(_OBJECTS.split())
_NOUN_ENDINGS = ("tion", "sion", "ment", "ness", "ity", "ance", "ence", "ship", "ism")
_ARTICLES = frozenset(("a", "an", "the"))
_VAGUE_WORDS = frozenset(_VAGUE.split())
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

    def _learn(self, tokens: list[str]) -> None:
        lower = [token.lower() for token in tokens]
        for at, word in enumerate(lower):
            if not word[0].isalpha() or word in STOP_WORDS:
                continue
            before = lower[at - 1] if at else "."
            after = lower[at + 1] if at + 1 < len(lower) else "."
            name = stem(word)
            self._seen[name] += 1
            self._lower[name] += tokens[at][0].islower()
            self._noun[name] += (before in _BEFORE_NOUN) + (after in _AFTER_NOUN) + word.endswith(_NOUN_ENDINGS)
            self._verb[name] += 2 * (before in _BEFORE_VERB) + 2 * (after in _AFTER_VERB) + word.endswith("ed")
            self._final[name] += not after[0].isalpha() or after in STOP_WORDS
            if at and before not in '.!?:“‘"' and tokens[at][0].isupper():
                self._cased[name] += 1

    def _is_head(self, word: str) -> bool:
        name = stem(word)
        if len(name) < 3 or name in _VAGUE_WORDS or word.lower().endswith(("ly", "ed")) or not word[0].isalpha():
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
            if any(self._is_unclear(word) for word in tokens[a:b]):
                continue
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
        words = [word if self._keeps_case(word) else word.lower() for word in tokens[a:b]]
        article = tokens[a - 1].lower() if whole and a and tokens[a - 1].lower() in _ARTICLES else ""
        return Term(tuple(stem(word) for word in words), " ".join([article, *words]).strip(), a)

    def _keeps_case(self, word: str) -> bool:
        return any(letter.isupper() for letter in word[1:]) or self._cased[stem(word)] * 2 > self._seen[stem(word)]

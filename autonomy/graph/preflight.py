"""The preflight: how much of a draft stands in the run's own sources, before anything is handed off.

The gates look at the passages that were chosen, and for one long unmarked run; here it is the sum of shorter ones, over
every passage of every source. A shared run of `fingerprints.SURE` words or more is found, across passages as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from autonomy.graph.gates.failure import Failure, short
from autonomy.ports import Passage
from autonomy.text import citations, prose, quotations
from autonomy.text.fingerprints import RUN, SURE, Wording, units
from autonomy.text.percent import percent
from autonomy.text.quoted_name import quoted_name

MOST_SOURCES, MOST_MATCHES, MOST_FAILURES = 20, 20, 10
SHOWN_LETTERS = 200


@dataclass(frozen=True)
class SourceShare:
    """What a source has of the draft. `words` are the draft's words that stand in it, quoted or not.

    `overlap` is its share of the words outside quotations, `quoted` is what is quoted from it, of all words.
    """

    key: str
    title: str
    overlap: float
    quoted: float
    words: int

    def as_dict(self) -> dict[str, Any]:
        shares = {"overlap": round(self.overlap, 4), "quoted": round(self.quoted, 4)}
        return {"key": self.key, "title": self.title, **shares, "words": self.words}


@dataclass(frozen=True)
class Match:
    """A stretch outside quotations that stands in a source: as the draft has it, and the passage it begins in."""

    section: str
    text: str
    words: int
    key: str
    title: str
    passage: str

    def as_dict(self) -> dict[str, Any]:
        return {"section": self.section, "text": self.text, "words": self.words, "key": self.key,
                "title": self.title, "passage": self.passage}  # fmt: skip


@dataclass(frozen=True)
class Preflight:
    """`overlap`: the share of the draft's words outside quotations that stand in a source; `quoted`: the share of all
    its words that is quotation. Both 0 to 1; citations, headings and titles of sources are neither.

    `sources`: those with most of the draft first. `matches`: the longest first. Both are bounded in number.
    """

    overlap: float
    quoted: float
    sources: list[SourceShare]
    matches: list[Match]

    def as_dict(self) -> dict[str, Any]:
        return {
            "overlap": round(self.overlap, 4),
            "quoted": round(self.quoted, 4),
            "sources": [source.as_dict() for source in self.sources],
            "matches": [match.as_dict() for match in self.matches],
        }

    def failures(self, bound: float) -> list[Failure]:
        """What to mend if more than the share `bound` overlaps; nothing if it does not. Names the longest matches."""
        if self.overlap <= bound:
            return []
        told = (
            f"{percent(self.overlap, bound)} of the draft's own words stand in the sources without being quoted; at "
            f"most {percent(bound, self.overlap)} may."
        )
        return [Failure("overlap", "", told), *(_failure(match) for match in self.matches[:MOST_FAILURES])]


@dataclass
class _Stretch:
    """Words of a section in a row, quoted or not. `at` says of each which of `tokens`, the text as it is, it is of."""

    section: str
    quoted: bool
    tokens: list[str]
    words: list[str] = field(default_factory=list)
    at: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        for number, token in enumerate(self.tokens):
            for word in units(token):
                self.words.append(word)
                self.at.append(number)

    def shown(self, first: int, end: int) -> str:
        return short(" ".join(self.tokens[self.at[first] : self.at[end - 1] + 1]), SHOWN_LETTERS)


@dataclass(frozen=True)
class _Shared:
    """Words of the draft in a row that stand in a source: of which stretch, from which word to which, and the passage
    they begin in."""

    stretch: int
    first: int
    end: int
    key: str
    passage: str

    @property
    def places(self) -> set[_Place]:
        return {(self.stretch, at) for at in range(self.first, self.end)}


# A word of the draft: its stretch, and which it is there.
_Place = tuple[int, int]


def compare(
    draft: dict[str, Any], plan: dict[str, Any], sources: list[dict[str, Any]], passages: Iterable[Passage]
) -> Preflight:
    """The draft beside all these passages, which may be a stream; those of one source come in reading order."""
    stretches = list(_stretches(draft, plan))
    named = {source["key"]: source["title"] for source in sources}
    titles = _titles(stretches, sources)
    own = sum(len(stretch.words) for stretch in stretches if not stretch.quoted)
    quoted = sum(len(stretch.words) for stretch in stretches if stretch.quoted)
    shares: list[SourceShare] = []
    copied: list[_Shared] = []
    for key, found in _found(Wording(stretch.words for stretch in stretches), passages).items():
        shared = list(_joined(key, found))
        # A work has to be named: what is mostly the title of one is no copy.
        marked = [one for one in shared if stretches[one.stretch].quoted]
        own_words = (one for one in shared if not stretches[one.stretch].quoted)
        unmarked = [one for one in own_words if len(one.places & titles) <= (one.end - one.first) / 2]
        here, there = _covered(unmarked), _covered(marked)
        if here or there:
            overlap, part = len(here) / max(1, own), len(there) / max(1, own + quoted)
            shares.append(SourceShare(key, named.get(key, key), overlap, part, len(here) + len(there)))
        copied += unmarked
    return Preflight(
        overlap=len(_covered(copied)) / max(1, own),
        quoted=quoted / max(1, own + quoted),
        sources=sorted(shares, key=lambda share: -share.words)[:MOST_SOURCES],
        matches=_longest(copied, stretches, named),
    )


def _stretches(draft: dict[str, Any], plan: dict[str, Any]) -> Iterator[_Stretch]:
    drafted = {section["id"]: section["markdown"] for section in draft["sections"]}
    for section in plan["sections"]:
        for paragraph in prose.paragraphs(drafted.get(section["id"], "")):
            block = quotations.folded(paragraph)
            own = [(False, text) for text in quotations.stretches(block)]
            marked = [(True, text) for text in quotations.found(block) if len(text.split()) >= quotations.SHORTEST]
            for quoted, text in own + marked:
                yield _Stretch(section["heading"], quoted, citations.without_citations(text).split())


def _titles(stretches: list[_Stretch], sources: list[dict[str, Any]]) -> set[_Place]:
    """The words of the draft that name a source, or what it appeared in; a title may be cut short."""
    runs: set[tuple[str, ...]] = set()
    for source in sources:
        csl = source.get("csl") or {}
        for title in (source["title"], csl.get("title"), csl.get("container-title")):
            words = units(title) if isinstance(title, str) else []
            runs.update(tuple(words[at : at + RUN]) for at in range(len(words) - RUN + 1))
    return {
        (number, at + more)
        for number, stretch in enumerate(stretches)
        for at in range(len(stretch.words) - RUN + 1)
        if tuple(stretch.words[at : at + RUN]) in runs
        for more in range(RUN)
    }


def _found(wording: Wording, passages: Iterable[Passage]) -> dict[str, dict[_Place, str]]:
    """By source: where runs of SURE words that it has begin in the draft, with the passage where they begin."""
    found: dict[str, dict[_Place, str]] = {}
    # The last words of a source so far: a run may begin in one passage and end in the next.
    carried: dict[str, list[tuple[str, str]]] = {}
    for passage in passages:
        read = [*carried.get(passage.key, []), *((word, passage.id) for word in units(passage.text))]
        carried[passage.key] = read[-(SURE - 1) :]
        known = found.setdefault(passage.key, {})
        for start, places in wording.shared_with([word for word, _ in read]):
            # The places of one run of words come together: where the first is known, all are.
            if places[0] not in known:
                known.update(dict.fromkeys(places, read[start][1]))
    return found


def _joined(key: str, found: dict[_Place, str]) -> Iterator[_Shared]:
    """Runs that begin at one word after the other are one longer run."""
    for (number, first), passage in found.items():
        if (number, first - 1) in found:
            continue
        last = first
        while (number, last + 1) in found:
            last += 1
        yield _Shared(number, first, last + SURE, key, passage)


def _covered(shared: Iterable[_Shared]) -> set[_Place]:
    return {place for one in shared for place in one.places}


def _longest(copied: list[_Shared], stretches: list[_Stretch], named: dict[str, str]) -> list[Match]:
    """What is copied, the longest first; words that several sources have are told once."""
    chosen: list[Match] = []
    told: set[_Place] = set()
    for one in sorted(copied, key=lambda one: (one.first - one.end, one.stretch, one.first)):
        if len(chosen) < MOST_MATCHES and not one.places <= told:
            told |= one.places
            stretch = stretches[one.stretch]
            text, title = stretch.shown(one.first, one.end), named.get(one.key, one.key)
            chosen.append(Match(stretch.section, text, one.end - one.first, one.key, title, one.passage))
    return chosen


def _failure(match: Match) -> Failure:
    message = (
        f"{quoted_name(match.text, SHOWN_LETTERS)} stands in {quoted_name(match.title)} (passage {match.passage}): "
        f"quote it with marks and [@{match.key}], or say it in your own words with its citation, or rethink the point."
    )
    return Failure("overlap", match.section, message)

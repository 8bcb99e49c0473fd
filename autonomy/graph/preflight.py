"""The preflight: how much of a draft stands in the run's own sources, before anything is handed off.

The gates look at the passages that were chosen, and for one long unmarked run; here it is the sum of shorter ones, over
every passage of every source. A shared run of `fingerprints.SURE` words or more is found, across passages as well.
"""

from __future__ import annotations

from collections import defaultdict
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
    """Words of a section in a row, quoted or not. `at` says of each which of `tokens`, the text as it is, it is from."""

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


# Where a run of SURE words of the draft begins: stretch and word.
_Place = tuple[int, int]


def compare(
    draft: dict[str, Any], plan: dict[str, Any], sources: list[dict[str, Any]], passages: Iterable[Passage]
) -> Preflight:
    """The draft beside all these passages, which may be a stream; those of one source come in reading order."""
    stretches = list(_stretches(draft, plan))
    titles = {source["key"]: source["title"] for source in sources}
    shared = _shared(Wording(stretch.words for stretch in stretches), passages)
    _leave_out_titles(shared, stretches, sources)
    own = sum(len(stretch.words) for stretch in stretches if not stretch.quoted)
    quoted = sum(len(stretch.words) for stretch in stretches if stretch.quoted)
    shares = []
    in_any: set[_Place] = set()
    for key, places in shared.items():
        covered = {(number, first + more) for number, first in places for more in range(SURE)}
        unmarked = {place for place in covered if not stretches[place[0]].quoted}
        in_any |= unmarked
        shares.append(
            SourceShare(
                key,
                titles.get(key, key),
                overlap=len(unmarked) / max(1, own),
                quoted=len(covered - unmarked) / max(1, own + quoted),
                words=len(covered),
            )
        )
    shares = [share for share in shares if share.words]
    shares.sort(key=lambda share: -share.words)
    return Preflight(
        overlap=len(in_any) / max(1, own),
        quoted=quoted / max(1, own + quoted),
        sources=shares[:MOST_SOURCES],
        matches=_longest(shared, stretches, titles),
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


def _shared(wording: Wording, passages: Iterable[Passage]) -> dict[str, dict[_Place, str]]:
    """By source: where the draft has its words, with the passage in which they begin."""
    shared: defaultdict[str, dict[_Place, str]] = defaultdict(dict)
    # The last words of a source so far: a run may begin in one passage and end in the next.
    carried: dict[str, list[tuple[str, str]]] = {}
    for passage in passages:
        before = carried.get(passage.key, [])
        read = [*before, *((word, passage.id) for word in units(passage.text))]
        carried[passage.key] = read[-(SURE - 1) :]
        found = shared[passage.key]
        for start, places in wording.shared_with([word for word, _ in read]):
            # The places of one run of words come together: where the first is known, all are.
            if places[0] not in found:
                found.update(dict.fromkeys(places, read[start][1]))
    return shared


def _leave_out_titles(
    shared: dict[str, dict[_Place, str]], stretches: list[_Stretch], sources: list[dict[str, Any]]
) -> None:
    """A run of which more than half is from titles of sources is no copy: a work has to be named."""
    titles: set[tuple[str, ...]] = set()
    for source in sources:
        csl = source.get("csl") or {}
        for title in (source["title"], csl.get("title"), csl.get("container-title")):
            words = units(title) if isinstance(title, str) else []
            titles.update(tuple(words[at : at + RUN]) for at in range(len(words) - RUN + 1))
    naming: set[_Place] = set()
    for number, stretch in enumerate(stretches):
        for at in range(len(stretch.words) - RUN + 1):
            if tuple(stretch.words[at : at + RUN]) in titles:
                naming.update((number, at + more) for more in range(RUN))
    for places in shared.values():
        for number, at in list(places):
            named = sum((number, at + more) in naming for more in range(SURE))
            if named > SURE / 2 and not stretches[number].quoted:
                del places[number, at]


def _longest(shared: dict[str, dict[_Place, str]], stretches: list[_Stretch], titles: dict[str, str]) -> list[Match]:
    """The longest unmarked stretches; words that several sources have are told once."""
    runs: list[tuple[int, int, int, str]] = []
    for key, places in shared.items():
        for number, at in places:
            if (number, at - 1) in places or stretches[number].quoted:
                continue
            end = at
            while (number, end + 1) in places:
                end += 1
            runs.append((number, at, end + SURE, key))
    chosen: list[Match] = []
    told: set[_Place] = set()
    for number, first, end, key in sorted(runs, key=lambda run: (run[1] - run[2], run[0], run[1])):
        words = {(number, at) for at in range(first, end)}
        if not words <= told and len(chosen) < MOST_MATCHES:
            told |= words
            stretch, passage = stretches[number], shared[key][number, first]
            text = stretch.shown(first, end)
            chosen.append(Match(stretch.section, text, end - first, key, titles.get(key, key), passage))
    return chosen


def _failure(match: Match) -> Failure:
    message = (
        f"{quoted_name(match.text, SHOWN_LETTERS)} stands in {quoted_name(match.title)} (passage {match.passage}): "
        f"quote it with marks and [@{match.key}], or say it in your own words with its citation, or rethink the point."
    )
    return Failure("overlap", match.section, message)

"""What several services found, as one list of different works."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, urlencode, urlsplit

from autonomy.ports import Found

# Reciprocal rank fusion: https://doi.org/10.1145/1571941.1572114
K = 60
# A title shorter than that (“Editorial”, “Introduction”) is the title of many works.
TELLING_WORDS = 3
_ARXIV = re.compile(r"^arxiv\.org/(?:abs|pdf)/(.+?)(?:v\d+)?(?:\.pdf)?$")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Merged:
    """Works in order, best first; and the retracted ones, with those who say so in `found_by`."""

    works: list[Found]
    retracted: list[Found]


@dataclass
class _Work:
    """What was found of one work, and its place in each service's answer, from 1."""

    finds: list[Found] = field(default_factory=list)
    ranks: dict[int, int] = field(default_factory=dict)

    @property
    def doi(self) -> str:
        return next((found.doi for found in self.finds if found.doi), "")

    def take(self, other: _Work) -> None:
        self.finds += other.finds
        for answer, rank in other.ranks.items():
            self.ranks[answer] = min(rank, self.ranks.get(answer, rank))

    @property
    def score(self) -> float:
        return sum(1 / (K + rank) for rank in self.ranks.values())


def merge(answers: Sequence[Sequence[Found]]) -> Merged:
    """Finds with the same DOI are one work; so are those with the same address, or title and year, unless both have a
    DOI and these differ. Whoever calls a work retracted is believed."""
    works: list[_Work] = []
    for place, answer in enumerate(answers):
        for rank, found in enumerate(answer, start=1):
            new = _Work([found], {place: rank})
            same = [work for work in works if _is_same(work, new)]
            if same:
                first, *others = [*same, new]
                for other in others:
                    if not (first.doi and other.doi and first.doi != other.doi):
                        first.take(other)
                        works = [work for work in works if work is not other]
            else:
                works.append(new)
    works.sort(key=lambda work: -work.score)  # stable: of equals, the one that was found first
    good = [_one(work.finds) for work in works if not any(found.retracted for found in work.finds)]
    return Merged(good, [_said(work.finds) for work in works if any(found.retracted for found in work.finds)])


def _is_same(one: _Work, other: _Work) -> bool:
    if one.doi and other.doi:
        return one.doi == other.doi
    return any(identities(a) & identities(b) for a in one.finds for b in other.finds)


def identities(found: Found) -> set[str]:
    """By what a work can be known again: DOI, address, title with year."""
    known = {f"doi:{found.doi}"} if found.doi else set()
    if found.url:
        known.add(f"url:{_address(found.url)}")
    title, year = " ".join(_WORD.findall(_plain(found.title))), _year(found)
    if year and len(title.split()) >= TELLING_WORDS:
        known.add(f"title:{title} {year}")
    return known


def _one(finds: list[Found]) -> Found:
    """Metadata of Crossref, where the publishers deposit it, filled up by others'; the longest text."""
    by_trust = sorted(finds, key=lambda found: "crossref" not in found.found_by)
    best = by_trust[0]
    csl: dict[str, object] = {}
    for found in reversed(by_trust):
        csl |= found.csl
    return replace(
        best,
        text=max((found.text for found in finds), key=len),
        url=next((found.url for found in by_trust if found.url), ""),
        doi=next((found.doi for found in by_trust if found.doi), ""),
        csl=csl,
        found_by=_names(finds),
    )


def _said(finds: list[Found]) -> Found:
    saying = [found for found in finds if found.retracted]
    # A notice has the work's DOI and its own title: rather the title that somebody has for the work itself.
    title = next((found.title for found in finds if not found.retracted), saying[0].title)
    return replace(_one(finds), title=title, retracted=True, found_by=_names(saying))


def _names(finds: list[Found]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for found in finds for name in found.found_by))


def _address(url: str) -> str:
    """An address without what does not change the page: scheme, www, fragment, trackers, a preprint's version."""
    try:
        parts = urlsplit(url)
        kept = [(name, value) for name, value in parse_qsl(parts.query) if not name.lower().startswith("utm_")]
        bare = f"{(parts.hostname or '').removeprefix('www.')}{parts.path.rstrip('/')}"
    except ValueError:
        return url
    if arxiv := _ARXIV.match(bare):
        return f"arxiv.org/abs/{arxiv[1]}"
    return f"{bare}?{urlencode(sorted(kept))}" if kept else bare


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _year(found: Found) -> int | None:
    match found.csl:
        case {"issued": {"date-parts": [[int(year), *_], *_]}}:
            return year
    return None

"""Works and pages that do not exist. Each says of itself that it is a sample, and has a DOI of the prefix 10.5555,
which Crossref keeps for tests."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar


@dataclass(frozen=True)
class Work:
    """`authors` are given and family names; `arxiv` is empty for what is no preprint."""

    doi: str
    title: str
    authors: tuple[tuple[str, str], ...]
    year: int
    venue: str
    abstract: str
    cited: int
    arxiv: str = ""
    retracted: bool = False

    @property
    def url(self) -> str:
        return f"https://doi.org/{self.doi}"

    @property
    def text(self) -> str:
        return f"{self.title} {self.abstract}"


@dataclass(frozen=True)
class Page:
    url: str
    title: str
    text: str


class HasText(Protocol):
    @property
    def text(self) -> str: ...


SEA_WALLS = Work(
    "10.5555/sample.1001",
    "Sea walls and the beaches before them (sample work)",
    (("Ada", "Sample"), ("Bo", "Beispiel")),
    2019,
    "Journal of Invented Shores",
    "An invented study of sea walls. Waves thrown back by a wall take sand from the beach before it. In the invented "
    "towns of this study, a beach before a sea wall lost a third of its width in twenty years, and rock had to be laid "
    "at the foot of the wall every few winters.",
    41,
)
MARSHES = Work(
    "10.5555/sample.1002",
    "Salt marshes as a first line against storm surges (sample work)",
    (("Cleo", "Ejemplo"),),
    2021,
    "Annals of Made-up Coasts",
    "An invented study of marshes. A belt of salt marsh lowers the waves of a storm before they reach the sea wall. "
    "Two hundred metres of marsh took half of their height, and the sea wall behind the marsh could be built lower and "
    "needed less repair than walls by the open sea.",
    12,
    arxiv="2101.00001",
)
RETREAT = Work(
    "10.5555/sample.1003",
    "Who leaves first: managed retreat in coastal cities (sample work)",
    (("Dan", "Exemple"), ("Eve", "Muster")),
    2023,
    "Review of Imaginary Cities",
    "An invented survey of cities that buy out houses by the rising sea, and of those who stay. Managed retreat began "
    "in the streets that flood most often, and tenants left before owners did. Cities that bought whole streets could "
    "give the ground back to the sea.",
    7,
)
WITHDRAWN = Work(
    "10.5555/sample.1004",
    "Painted walls stop floods in coastal cities (sample work)",
    (("Finn", "Proof"),),
    2018,
    "Journal of Invented Shores",
    "An invented study with invented figures on sea walls, taken back by its journal.",
    96,
    retracted=True,
)
PREPRINT = Work(
    "10.5555/sample.1005",
    "Early warning on a shoestring: tide gauges and telephones (sample work)",
    (("Gil", "Vzor"),),
    2024,
    "Preprints of Nowhere",
    "An invented note on early warning of floods in cities by the sea, from cheap tide gauges. A gauge of this kind "
    "calls every telephone of a street one hour before the water comes, which is enough to lift what stands low and to "
    "fetch the neighbours who cannot walk.",
    0,
    arxiv="2405.00002",
)
WORKS = (SEA_WALLS, MARSHES, RETREAT, WITHDRAWN, PREPRINT)

PAGES = (
    Page(
        "https://example.org/sample/city-by-the-sea",
        "A city by the sea adapts (sample page)",
        "An invented city by the rising sea raises its wall, plants a salt marsh and moves its lowest streets.",
    ),
    Page(
        "https://example.com/sample/floods?id=7",
        "What floods cost (sample page)",
        "An invented account of what floods cost coastal cities, with and without early warning.",
    ),
    # The same work as in the catalogues of science, under another address.
    Page(f"{SEA_WALLS.url}?utm_source=sample", "Sea walls and the beaches (sample page)", SEA_WALLS.abstract),
)

SMALL = {"and", "for", "from", "the", "with"}
Found = TypeVar("Found", bound=HasText)


def find(query: str, among: Iterable[Found], most: int) -> list[tuple[float, Found]]:
    """What shares a word with the query, and the share of the query's words it has; best first."""
    asked = _words(query)
    scored = [(len(asked & _words(one.text)) / max(1, len(asked)), one) for one in among]
    return sorted((pair for pair in scored if pair[0] > 0), key=lambda pair: -pair[0])[:most]


def by_doi(doi: str) -> Work | None:
    return next((work for work in WORKS if work.doi == doi.lower()), None)


def _words(text: str) -> set[str]:
    return {word for word in re.findall(r"\w+", text.lower()) if len(word) > 2} - SMALL

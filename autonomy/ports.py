"""What a node of the graph may use, as Protocols. The runtime hands the real things in as LangGraph's context.

Plain Python only: no Django, no HTTP. A node test therefore needs no database.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, Protocol

Purpose = Literal["plan", "section"]


@dataclass(frozen=True)
class ModelRequest:
    """One question to a language model.

    `material` is JSON-able and holds everything the answer may rest on; `answer_schema` is a JSON Schema that
    the answer's `content` validates against.
    """

    purpose: Purpose
    instructions: str
    material: dict[str, Any]
    answer_schema: dict[str, Any]
    max_output_tokens: int = 2000


@dataclass(frozen=True)
class ModelAnswer:
    """A validated answer with what it cost. `usd` is None where no price is known."""

    content: dict[str, Any]
    provider: str
    model: str
    tokens_in: int
    tokens_out: int
    usd: Decimal | None
    tokens_cached: int = 0
    estimated: bool = False


@dataclass(frozen=True)
class Passage:
    """A stretch of one source's text. `id` is `<source key>#<position>`; `score` is higher for a better match."""

    id: str
    key: str
    text: str
    score: float = 0.0


@dataclass(frozen=True)
class SourceNote:
    """What the library knows of one source after reading it. `skipped` says why it cannot be used, or is empty."""

    key: str
    title: str
    filename: str
    words: int
    headings: list[str] = field(default_factory=list)
    excerpt: str = ""
    csl: dict[str, Any] = field(default_factory=dict)
    skipped: str = ""


QUOTABLE_WORDS = 40  # of text: fewer say too little for a section to rest on


@dataclass(frozen=True)
class Found:
    """A work that a search found, with the text we hold of it: its abstract or a snippet, nothing else can be quoted.

    `doi` is lower case and without a prefix, `url` is http or https; each may be empty. `csl` is a CSL-JSON item.
    """

    title: str
    text: str = ""
    url: str = ""
    doi: str = ""
    csl: dict[str, Any] = field(default_factory=dict)
    retracted: bool = False
    found_by: tuple[str, ...] = ()

    @property
    def is_quotable(self) -> bool:
        return len(self.text.split()) >= QUOTABLE_WORDS


@dataclass(frozen=True)
class Added:
    """What became of works that were given to the library: keys of new sources, titles with too little text."""

    keys: tuple[str, ...] = ()
    too_short: tuple[str, ...] = ()


@dataclass(frozen=True)
class Document:
    """A finished draft: Markdown with `[@key]` citations, and the CSL-JSON items they resolve to."""

    title: str
    markdown: str
    references: list[dict[str, Any]]
    number: int


class LanguageModel(Protocol):
    def answer(self, request: ModelRequest) -> ModelAnswer: ...


class Library(Protocol):
    def read(self) -> list[SourceNote]:
        """Read what was not read yet. Safe to repeat; unreadable sources come back with `skipped`."""

    def search(self, query: str, limit: int) -> list[Passage]:
        """The best passages for the query, best first; an empty list if nothing matches."""

    def texts(self) -> Iterator[Passage]:
        """Every passage of every source, in reading order and source by source: a stream, for there may be much."""

    def add(self, works: Sequence[Found]) -> Added:
        """Make sources of works the run does not have yet. They are there in the next superstep."""


class Search(Protocol):
    def search(self, query: str, limit: int) -> list[Found]:
        """Works from outside, at most `limit`: those with text first, best first. Retracted ones are left out.

        An empty list says that there is nothing. Raises ProviderUnavailable if nothing was found and somebody could
        not be asked, ProviderRefused, BudgetExceeded.
        """


class HandOff(Protocol):
    def open(self, document: Document) -> dict[str, Any]:
        """Open the cycle `document.number`, or return it if it is open. `{cycle_id, number, markdown, docx}`."""

    def answer(self, cycle_id: str) -> dict[str, Any] | None:
        """The report for this cycle, if there is one: `{cycle_id, number, report_url, observed_similarity}`."""

    def accept(self, cycle_id: str) -> None: ...

    def reject(self, cycle_id: str) -> None: ...


class Episodes(Protocol):
    def note(self, kind: str, message: str, **data: Any) -> None:
        """An episode that is committed together with the superstep."""

    def now(self, kind: str, message: str, **data: Any) -> None:
        """An episode that is written at once: progress, and what an attempt met even if it fails."""


@dataclass(frozen=True)
class NodeContext:
    """Handed to every node as `runtime.context`."""

    model: LanguageModel
    library: Library
    search: Search
    handoff: HandOff
    episodes: Episodes
    max_revisions: int
    max_redrafts: int
    max_overlap: float
    target_similarity: float

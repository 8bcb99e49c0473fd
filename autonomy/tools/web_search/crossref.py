"""Crossref: the register of DOIs. https://www.crossref.org/documentation/retrieve-metadata/rest-api/"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from autonomy.ports import Found
from autonomy.providers import exchange
from autonomy.tools.web_search import reading
from autonomy.tools.web_search.provider import agent

QUERY_LENGTH = 500
MOST_ROWS = 100
FIELDS = (
    "DOI,URL,title,author,container-title,issued,type,publisher,volume,issue,page,"
    "abstract,relation,update-to,updated-by"
)
TYPES = {
    "journal-article": "article-journal", "proceedings-article": "paper-conference", "book-chapter": "chapter",
    "book": "book", "monograph": "book", "edited-book": "book", "report": "report", "dissertation": "thesis",
    "dataset": "dataset", "posted-content": "article",
}  # fmt: skip
WITHDRAWING = {"retraction", "partial_retraction", "withdrawal", "removal"}


@dataclass(frozen=True)
class Crossref:
    """Metadata as the publishers deposit it; an abstract where they deposit one, so twice as many are asked for."""

    name: ClassVar[str] = "crossref"
    price: ClassVar[Decimal] = Decimal(0)
    spacing: ClassVar[float] = 0.0
    url: str = "https://api.crossref.org"
    contact: str = ""

    def find(self, query: str, limit: int, *, timeout: float) -> list[Found]:
        params: dict[str, str | int] = {
            "query": query[:QUERY_LENGTH],
            "rows": min(2 * limit, MOST_ROWS),
            "select": FIELDS,
        }
        if self.contact:
            params["mailto"] = self.contact
        reply = exchange.send(
            "GET", f"{self.url}/works", params=params, headers={"User-Agent": agent(self.contact)}, timeout=timeout
        )
        works = reading.rows(reply, reading.part(reading.answer(reply), "message", "items"))
        return [found for work in works for found in self._found(work)]

    def _found(self, work: dict[str, Any]) -> Iterator[Found]:
        title, doi = reading.line(reading.first(work.get("title"))), reading.doi(work.get("DOI"))
        if not title:
            return
        # A notice names what it withdraws in `update-to`; it is no work to cite, and what it names is none any more.
        if withdrawn := _withdrawing(work.get("update-to")):
            for target in withdrawn:
                yield Found(title, doi=target, retracted=True, found_by=(self.name,))
            return
        # The withdrawn work itself has `updated-by`, from the publisher or from Retraction Watch.
        retracted = (
            bool(_withdrawing(work.get("updated-by")))
            or bool(reading.part(work, "relation", "is-retracted-by"))
            or reading.is_marked_retracted(title)
        )
        authors = (_author(one) for one in reading.items(work.get("author")))
        url = reading.url(work.get("URL"))
        csl = reading.csl(
            TYPES.get(str(work.get("type")), "document"),
            title,
            authors,
            reading.day(work.get("issued")),
            **{"container-title": reading.line(reading.first(work.get("container-title")))},
            **{name: reading.line(work.get(name)) for name in ("publisher", "volume", "issue", "page")},
            DOI=doi,
            URL=url,
        )
        yield Found(title, reading.text(work.get("abstract")), url, doi, csl, retracted, (self.name,))


def _withdrawing(updates: object) -> list[str]:
    """The DOIs in a list of updates that withdraw something; an empty text where one has no DOI."""
    return [
        reading.doi(update.get("DOI"))
        for update in reading.items(updates)
        if isinstance(update, dict) and str(update.get("type")).lower() in WITHDRAWING
    ]


def _author(one: object) -> dict[str, str]:
    names = {name: reading.line(reading.part(one, name)) for name in ("family", "given")}
    return names if names["family"] else {"literal": reading.line(reading.part(one, "name")) or names["given"]}

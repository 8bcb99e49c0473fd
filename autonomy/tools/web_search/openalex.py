"""OpenAlex: an open index of scholarly works. https://developers.openalex.org/api-reference/works"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar

from autonomy.ports import Found
from autonomy.providers import exchange, refusal
from autonomy.providers.attempt import AttemptFailed, Fault
from autonomy.tools.web_search import reading
from autonomy.tools.web_search.provider import agent

QUERY_LENGTH = 500
MOST_ROWS = 100
LONGEST_ABSTRACT = 5_000  # words
FIELDS = (
    "id,doi,display_name,publication_year,type,authorships,primary_location,biblio,is_retracted,abstract_inverted_index"
)
TYPES = {
    "article": "article-journal", "preprint": "article", "book": "book", "book-chapter": "chapter",
    "dissertation": "thesis", "report": "report", "dataset": "dataset",
}  # fmt: skip


@dataclass(frozen=True)
class OpenAlex:
    name: ClassVar[str] = "openalex"
    # A dollar for 1,000 searches beyond the key's free dollar a day (November 2026).
    price: ClassVar[Decimal] = Decimal("0.001")
    spacing: ClassVar[float] = 0.0
    key: str = field(repr=False)
    url: str = "https://api.openalex.org"
    contact: str = ""

    def find(self, query: str, limit: int, *, timeout: float) -> list[Found]:
        params: dict[str, str | int] = {
            "search": query[:QUERY_LENGTH],
            "per_page": min(limit, MOST_ROWS),
            "select": FIELDS,
            "api_key": self.key,
        }
        reply = exchange.send(
            "GET", f"{self.url}/works", params=params, headers={"User-Agent": agent(self.contact)}, timeout=timeout
        )
        # https://developers.openalex.org/api-reference/errors
        if reply.status == 429:
            raise AttemptFailed("the day's allowance is used up", Fault.QUOTA, http_status=429)
        if reply.status == 403:
            wait = refusal.retry_after(reply.headers)
            raise AttemptFailed("HTTP 403: too many requests", Fault.TRANSIENT, http_status=403, retry_after=wait)
        works = reading.rows(reply, reading.answer(reply).get("results"))
        return [found for work in works if (found := self._found(work))]

    def _found(self, work: dict[str, Any]) -> Found | None:
        title, doi = reading.line(work.get("display_name")), reading.doi(work.get("doi"))
        if not title:
            return None
        location = work.get("primary_location")
        url = reading.url(reading.part(location, "landing_page_url")) or (f"https://doi.org/{doi}" if doi else "")
        url = url or reading.url(work.get("id"))
        authors = (
            reading.line(reading.part(one, "author", "display_name")) for one in reading.items(work.get("authorships"))
        )
        csl = reading.csl(
            TYPES.get(str(work.get("type")), "document"),
            title,
            authors,
            reading.year(work.get("publication_year")),
            **{"container-title": reading.line(reading.part(location, "source", "display_name"))},
            **{name: reading.line(reading.part(work, "biblio", name)) for name in ("volume", "issue")},
            DOI=doi,
            URL=url,
        )
        retracted = work.get("is_retracted") is True or reading.is_marked_retracted(title)
        text = reading.text(_abstract(work.get("abstract_inverted_index")))
        return Found(title, text, url, doi, csl, retracted, (self.name,))


def _abstract(index: object) -> str:
    """The words in their order, from `{word: [places]}`."""
    places: dict[int, str] = {}
    for word, where in index.items() if isinstance(index, dict) else ():
        places |= {
            place: str(word) for place in reading.items(where) if type(place) is int and 0 <= place < LONGEST_ABSTRACT
        }
    return " ".join(places[place] for place in sorted(places))

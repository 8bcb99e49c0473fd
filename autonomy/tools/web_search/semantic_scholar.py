"""Semantic Scholar's graph of papers. https://api.semanticscholar.org/api-docs/graph"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar

from autonomy.ports import Found
from autonomy.providers import exchange
from autonomy.tools.web_search import reading
from autonomy.tools.web_search.provider import AGENT

QUERY_LENGTH = 300
MOST_ROWS = 100
FIELDS = "title,abstract,externalIds,year,venue,authors,url,publicationTypes,journal"


@dataclass(frozen=True)
class SemanticScholar:
    """Without a key all the world shares one allowance: a 429 is common, and says nothing of when to come back."""

    name: ClassVar[str] = "semantic_scholar"
    price: ClassVar[Decimal] = Decimal(0)
    spacing: ClassVar[float] = 1.0  # one request a second with a key
    key: str = field(default="", repr=False)
    url: str = "https://api.semanticscholar.org"

    def find(self, query: str, limit: int, *, timeout: float) -> list[Found]:
        headers = {"User-Agent": AGENT} | ({"x-api-key": self.key} if self.key else {})
        # Words with a hyphen match nothing there.
        asked = " ".join(query.replace("-", " ").split())[:QUERY_LENGTH]
        params: dict[str, str | int] = {"query": asked, "limit": min(limit, MOST_ROWS), "fields": FIELDS}
        address = f"{self.url}/graph/v1/paper/search"
        reply = exchange.send("GET", address, params=params, headers=headers, timeout=timeout)
        answer = reading.answer(reply)
        # Where nothing is found, the list itself may be missing.
        papers = [] if answer.get("total") == 0 and "data" not in answer else reading.rows(reply, answer.get("data"))
        return [found for paper in papers if (found := self._found(paper))]

    def _found(self, paper: dict[str, Any]) -> Found | None:
        title = reading.line(paper.get("title"))
        if not title:
            return None
        arxiv = reading.line(reading.part(paper, "externalIds", "ArXiv"))
        doi = reading.doi(reading.part(paper, "externalIds", "DOI")) or reading.doi(arxiv and f"10.48550/arxiv.{arxiv}")
        url = f"https://doi.org/{doi}" if doi else reading.url(paper.get("url"))
        journal = reading.line(reading.part(paper, "journal", "name")) or reading.line(paper.get("venue"))
        csl = reading.csl(
            "article-journal" if "JournalArticle" in reading.items(paper.get("publicationTypes")) else "article",
            title,
            (reading.line(reading.part(one, "name")) for one in reading.items(paper.get("authors"))),
            reading.year(paper.get("year")),
            **{"container-title": journal},
            volume=reading.line(reading.part(paper, "journal", "volume")),
            page=reading.line(reading.part(paper, "journal", "pages")),
            DOI=doi,
            URL=url,
        )
        retracted = reading.is_marked_retracted(title)
        return Found(title, reading.text(paper.get("abstract")), url, doi, csl, retracted, (self.name,))

"""arXiv's preprints. https://info.arxiv.org/help/api/user-manual.html"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

import lxml.etree

from autonomy.ports import Found
from autonomy.providers import exchange
from autonomy.providers.attempt import AttemptFailed, Fault
from autonomy.tools.web_search import reading
from autonomy.tools.web_search.provider import AGENT

MOST_WORDS = 6
MOST_ROWS = 100
# Words that only exclude, and the operators of its query language.
SMALL = """
a an and are as at be by can do does for from has have how in into is it its not of on or that the their there this
to was were what when where which who why will with andnot
"""
_SMALL = frozenset(SMALL.split())
_ATOM = "{http://www.w3.org/2005/Atom}"
_OWN = "{http://arxiv.org/schemas/atom}"
_WORD = re.compile(r"\w+")
_ID = re.compile(r"https?://arxiv\.org/abs/([\w.\-]+(?:/\d+)??)(?:v\d+)?")


@dataclass(frozen=True)
class Arxiv:
    name: ClassVar[str] = "arxiv"
    price: ClassVar[Decimal] = Decimal(0)
    spacing: ClassVar[float] = 3.0  # https://info.arxiv.org/help/api/tou.html
    url: str = "https://export.arxiv.org"

    def find(self, query: str, limit: int, *, timeout: float) -> list[Found]:
        # Its query language has brackets, quotation marks and field names of its own: only words get in.
        # All of them have to be there: small ones, and those at the end of a long sentence, would only exclude.
        words = _WORD.findall(query)
        words = ([word for word in words if word.casefold() not in _SMALL] or words)[:MOST_WORDS]
        if not words:
            return []
        params: dict[str, str | int] = {
            "search_query": " AND ".join(f"all:{word}" for word in words),
            "max_results": min(limit, MOST_ROWS),
            "sortBy": "relevance",
        }
        headers = {"User-Agent": AGENT}
        reply = exchange.send("GET", f"{self.url}/api/query", params=params, headers=headers, timeout=timeout)
        reading.require_ok(reply)
        return [found for entry in _entries(reply) if (found := self._found(entry))]

    def _found(self, entry: Any) -> Found | None:
        title = reading.line(_said(entry, f"{_ATOM}title"))
        number = _ID.fullmatch(_said(entry, f"{_ATOM}id").strip())
        if not title or not number:
            return None
        # arXiv registers a DOI for every paper: https://info.arxiv.org/help/doi.html
        doi = reading.doi(_said(entry, f"{_OWN}doi")) or reading.doi(f"10.48550/arxiv.{number[1]}")
        url = reading.url(f"https://arxiv.org/abs/{number[1]}")
        csl = reading.csl(
            "article",
            title,
            (reading.line(author.findtext(f"{_ATOM}name")) for author in entry.iterfind(f"{_ATOM}author")),
            _said(entry, f"{_ATOM}published")[:10],
            **{"container-title": reading.line(_said(entry, f"{_OWN}journal_ref"))},
            publisher="arXiv",
            DOI=doi,
            URL=url,
        )
        retracted = reading.is_marked_retracted(title)
        text = reading.text(_said(entry, f"{_ATOM}summary"))
        return Found(title, text, url, doi, csl, retracted, (self.name,))


def _entries(reply: exchange.Reply) -> list[Any]:
    """The entries of the Atom feed. Raises AttemptFailed; a query that arXiv cannot read is told in an entry, too."""
    parser = lxml.etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        feed = lxml.etree.fromstring(reply.body, parser) if reply.whole else None
    except (lxml.etree.XMLSyntaxError, ValueError):
        feed = None
    if feed is None or feed.tag != f"{_ATOM}feed":
        raise reading.malformed(reply)
    entries = list(feed.iterfind(f"{_ATOM}entry"))
    if any("arxiv.org/api/errors" in _said(entry, f"{_ATOM}id") for entry in entries):
        raise AttemptFailed("the query was refused", Fault.REFUSED, http_status=reply.status)
    return entries


def _said(entry: Any, tag: str) -> str:
    return str(entry.findtext(tag) or "")

"""A page of the web as those services find it who know nothing of DOIs: a title, an address, a snippet."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from autonomy.ports import Found
from autonomy.tools.web_search import reading

_RESOLVERS = ("doi.org", "dx.doi.org", "www.doi.org")


def found(by: str, row: dict[str, Any], *, title: str, address: str, text: str, when: str = "") -> Found | None:
    """The page in this row, whose fields have these names; None without a title or an address that can be followed.

    `text` is what was found in the row. A page at doi.org is the work of that DOI.
    """
    said, url = reading.line(row.get(title)), reading.url(row.get(address))
    if not said or not url:
        return None
    doi = _doi_in(url)
    date = row.get(when) if when else None
    csl = reading.csl("webpage", said, (), date[:10] if isinstance(date, str) else "", DOI=doi, URL=url)
    return Found(said, text, url, doi, csl, reading.is_marked_retracted(said), (by,))


def _doi_in(url: str) -> str:
    """Without what is hung onto the address, to count its readers for instance."""
    parts = urlsplit(url)
    return reading.doi(unquote(parts.path[1:])) if parts.hostname in _RESOLVERS else ""

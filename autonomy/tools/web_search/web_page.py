"""A page of the web as those services find it who know nothing of DOIs: a title, an address, a snippet."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote, urlsplit

from autonomy.ports import Found
from autonomy.tools.web_search import reading

Page = dict[str, Any]

_RESOLVERS = ("doi.org", "dx.doi.org", "www.doi.org")


def works(
    by: str,
    pages: Iterable[Page],
    text: Callable[[Page], str],
    *,
    address: str = "url",
    when: str = "",
) -> list[Found]:
    """A work for each page but those without a title or an address that can be followed.

    `text` takes what was found out of a page; `address` and `when` are the names of its fields. A page at doi.org is
    the work of that DOI.
    """
    return [work for page in pages if (work := _work(by, page, text, address, when))]


def _work(by: str, page: Page, text: Callable[[Page], str], address: str, when: str) -> Found | None:
    title, url = reading.line(page.get("title")), reading.url(page.get(address))
    if not title or not url:
        return None
    doi, date = _doi_in(url), page.get(when) if when else None
    csl = reading.csl("webpage", title, (), date[:10] if isinstance(date, str) else "", DOI=doi, URL=url)
    return Found(title, text(page), url, doi, csl, reading.is_marked_retracted(title), (by,))


def _doi_in(url: str) -> str:
    """Without what is hung onto the address, to count its readers for instance."""
    parts = urlsplit(url)
    return reading.doi(unquote(parts.path[1:])) if parts.hostname in _RESOLVERS else ""

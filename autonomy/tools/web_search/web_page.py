"""A page of the web as those services find it who know nothing of DOIs: a title, an address, a snippet."""

from __future__ import annotations

import re
from typing import Any

from autonomy.ports import Found
from autonomy.tools.web_search import reading

_DOI_ADDRESS = re.compile(r"https?://(?:dx\.)?doi\.org/.+", re.IGNORECASE)


def found(by: str, row: dict[str, Any], *, title: str, address: str, text: str, when: str = "") -> Found | None:
    """The page in this row, whose fields have these names; None without a title or an address that can be followed.

    `text` is what was found in the row. A page at doi.org is the work of that DOI.
    """
    said, url = reading.line(row.get(title)), reading.url(row.get(address))
    if not said or not url:
        return None
    doi = reading.doi(url) if _DOI_ADDRESS.fullmatch(url) else ""
    date = row.get(when) if when else None
    csl = reading.csl("webpage", said, (), date[:10] if isinstance(date, str) else "", DOI=doi, URL=url)
    return Found(said, text, url, doi, csl, reading.is_marked_retracted(said), (by,))

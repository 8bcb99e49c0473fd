"""SearXNG on a host of one's own. https://docs.searxng.org/dev/search_api.html"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from autonomy.ports import Found
from autonomy.providers import exchange
from autonomy.providers.attempt import AttemptFailed, Fault
from autonomy.tools.web_search import reading, web_page
from autonomy.tools.web_search.provider import AGENT

QUERY_LENGTH = 400


@dataclass(frozen=True)
class Searxng:
    name: ClassVar[str] = "searxng"
    price: ClassVar[Decimal] = Decimal(0)
    spacing: ClassVar[float] = 0.0
    url: str

    def find(self, query: str, limit: int, *, timeout: float) -> list[Found]:
        params = {"q": query[:QUERY_LENGTH], "format": "json"}
        reply = exchange.send(
            "GET", f"{self.url}/search", params=params, headers={"User-Agent": AGENT}, timeout=timeout
        )
        if reply.status == 403:
            reason = "HTTP 403: it gives no JSON; add json to search.formats in its settings.yml"
            raise AttemptFailed(reason, Fault.KEY, http_status=403)
        pages = reading.rows(reply, reading.answer(reply).get("results"))
        return web_page.works(
            self.name, pages[:limit], lambda page: reading.text(page.get("content")), when="publishedDate"
        )

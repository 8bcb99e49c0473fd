"""Tavily: web search with the part of each page that answers. https://docs.tavily.com/documentation/api-reference"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar

from autonomy.ports import Found
from autonomy.providers import exchange
from autonomy.providers.attempt import AttemptFailed, Fault
from autonomy.tools.web_search import reading, web_page
from autonomy.tools.web_search.provider import AGENT

QUERY_LENGTH = 400
MOST_RESULTS = 20
# The plan's limit and the limit of what is paid as one goes: https://help.tavily.com/articles/8645538886
QUOTA = {432, 433}


@dataclass(frozen=True)
class Tavily:
    name: ClassVar[str] = "tavily"
    price: ClassVar[Decimal] = Decimal("0.008")  # one credit for a basic search (November 2026)
    spacing: ClassVar[float] = 0.0
    key: str = field(repr=False)
    url: str = "https://api.tavily.com"

    def find(self, query: str, limit: int, *, timeout: float) -> list[Found]:
        body = {
            "query": query[:QUERY_LENGTH],
            "search_depth": "basic",
            "max_results": min(limit, MOST_RESULTS),
            "include_raw_content": False,
        }
        headers = {"Authorization": f"Bearer {self.key}", "User-Agent": AGENT}
        reply = exchange.send("POST", f"{self.url}/search", json=body, headers=headers, timeout=timeout)
        if reply.status in QUOTA:
            raise AttemptFailed("the plan's limit is reached", Fault.QUOTA, http_status=reply.status)
        pages = reading.rows(reply, reading.answer(reply).get("results"))
        return web_page.works(self.name, pages, lambda page: reading.text(page.get("content")), when="published_date")

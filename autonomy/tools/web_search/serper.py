"""Serper: Google's results. https://serper.dev"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar

from autonomy.ports import Found
from autonomy.providers import exchange
from autonomy.tools.web_search import reading, web_page
from autonomy.tools.web_search.provider import AGENT

QUERY_LENGTH = 400
MOST_RESULTS = 20


@dataclass(frozen=True)
class Serper:
    name: ClassVar[str] = "serper"
    price: ClassVar[Decimal] = Decimal("0.001")  # a dollar for 1,000 queries (November 2026)
    spacing: ClassVar[float] = 0.0
    key: str = field(repr=False)
    url: str = "https://google.serper.dev"

    def find(self, query: str, limit: int, *, timeout: float) -> list[Found]:
        headers = {"X-API-KEY": self.key, "User-Agent": AGENT}
        body = {"q": query[:QUERY_LENGTH], "num": min(limit, MOST_RESULTS)}
        reply = exchange.send("POST", f"{self.url}/search", json=body, headers=headers, timeout=timeout)
        pages = reading.rows(reply, reading.answer(reply).get("organic"))
        return web_page.works(self.name, pages, lambda page: reading.text(page.get("snippet")), address="link")

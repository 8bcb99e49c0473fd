"""Brave's index of the web. https://api-dashboard.search.brave.com/api-reference/web/search/get"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar

from autonomy.ports import Found
from autonomy.providers import exchange, refusal
from autonomy.providers.attempt import AttemptFailed
from autonomy.tools.web_search import reading, web_page
from autonomy.tools.web_search.provider import AGENT

QUERY_LENGTH, QUERY_WORDS = 400, 50
MOST_RESULTS = 20


@dataclass(frozen=True)
class Brave:
    name: ClassVar[str] = "brave"
    price: ClassVar[Decimal] = Decimal("0.005")  # five dollars for 1,000 requests (November 2026)
    spacing: ClassVar[float] = 0.0
    key: str = field(repr=False)
    url: str = "https://api.search.brave.com"

    def find(self, query: str, limit: int, *, timeout: float) -> list[Found]:
        asked = " ".join(query.split()[:QUERY_WORDS])[:QUERY_LENGTH]
        headers = {"X-Subscription-Token": self.key, "Accept": "application/json", "User-Agent": AGENT}
        params: dict[str, str | int] = {"q": asked, "count": min(limit, MOST_RESULTS)}
        address = f"{self.url}/res/v1/web/search"
        reply = exchange.send("GET", address, params=params, headers=headers, timeout=timeout)
        if reply.status == 429:
            raise _too_many(reply)
        answer = reading.answer(reply)
        # A search without results has no `web`, but says what was asked.
        if "web" not in answer and isinstance(answer.get("query"), dict):
            return []
        pages = reading.rows(reply, reading.part(answer, "web", "results"))
        return web_page.works(self.name, pages, _snippets, when="page_age")


def _snippets(page: dict[str, Any]) -> str:
    parts = [page.get("description"), *reading.items(page.get("extra_snippets"))]
    return "\n\n".join(dict.fromkeys(filter(None, map(reading.text, parts))))


def _too_many(reply: exchange.Reply) -> AttemptFailed:
    """With the seconds until every window that is used up opens again: `X-RateLimit-Reset: 1, 1419704`."""
    failure = refusal.of(reply)
    if failure.retry_after is None:
        resets, left = (_numbers(reply.headers.get(f"x-ratelimit-{name}")) for name in ("reset", "remaining"))
        closed = [wait for wait, remaining in zip(resets, left, strict=False) if remaining <= 0]
        waits = closed or resets[:1]
        failure.retry_after = min(max(waits), refusal.LONGEST_WAIT) if waits else None
    return failure


def _numbers(header: str | None) -> list[float]:
    return [float(part) for part in (header or "").replace(" ", "").split(",") if part.isdecimal() and part.isascii()]

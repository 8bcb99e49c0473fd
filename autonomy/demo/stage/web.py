"""Searches of the web: Tavily, Brave, Serper, SearXNG.

Sources: https://docs.tavily.com/documentation/api-reference/endpoint/search,
https://api-dashboard.search.brave.com/app/documentation/web-search/responses, https://serper.dev,
https://docs.searxng.org/dev/search_api.html
"""

from __future__ import annotations

from typing import Any

from autonomy.demo.stage.catalogue import PAGES, find
from autonomy.demo.stage.reply import Reply
from autonomy.demo.stage.request import Request
from autonomy.demo.stage.search import SearchVendor, most


class Tavily(SearchVendor):
    name = "tavily"

    def serves(self, request: Request) -> bool:
        return _is_search(request, "POST") and "query" in request.body

    def found(self, request: Request) -> Reply:
        query = str(request.body["query"])
        if len(query) > 400:
            return self.error(400, "Query is too long. Max query length is 400 characters.")
        pages = find(query, PAGES, int(request.body.get("max_results", 5)))
        results = [
            {"title": page.title, "url": page.url, "content": page.text, "score": score, "raw_content": None}
            for score, page in pages
        ]
        return Reply.json(200, {"query": query, "results": results, "response_time": 0.2, "request_id": "stage"})

    def error(self, status: int, says: str = "", delay: float | None = None) -> Reply:
        usual = {
            401: "Unauthorized: missing or invalid API key.",
            429: "Your request has been blocked due to excessive requests. Please reduce the rate of requests.",
            432: "This request exceeds your plan's set usage limit. Please upgrade your plan.",
        }
        return Reply.json(status, {"detail": {"error": says or usual.get(status, f"HTTP {status}")}})

    def quota(self) -> Reply:
        return self.error(432)


class Brave(SearchVendor):
    """Its limits are in headers, as pairs for a second and a month."""

    name = "brave"

    def serves(self, request: Request) -> bool:
        return request.method == "GET" and request.path.endswith("/web/search")

    def found(self, request: Request) -> Reply:
        pages = find(request.query.get("q", ""), PAGES, most(request.query.get("count"), 20))
        results = [
            {"type": "search_result", "title": page.title, "url": page.url, "description": page.text, "age": None}
            for _, page in pages
        ]
        told = {"type": "search", "query": {"original": request.query.get("q")}, "web": {"results": results}}
        return Reply.json(200, told, self._limits(1, 1999))

    def error(self, status: int, says: str = "", delay: float | None = None) -> Reply:
        if status == 429:
            return self._limited(says or "Request rate limit exceeded for plan", used=15)
        return self._told(status, "ERROR", says or f"HTTP {status}", {})

    def quota(self) -> Reply:
        return self._limited("Request quota limit exceeded for plan", used=2000)

    def bad_key(self, key: str) -> Reply:
        """A 422, as in https://github.com/nearai/ironclaw/issues/2780."""
        return self._told(422, "SUBSCRIPTION_TOKEN_INVALID", "The provided subscription token is invalid.", {})

    def _limited(self, detail: str, *, used: int) -> Reply:
        meta = {"plan": "Free", "rate_limit": 1, "rate_current": 1, "quota_limit": 2000, "quota_current": used}
        reply = self._told(429, "RATE_LIMITED", detail, meta)
        return Reply(429, reply.body, reply.headers | self._limits(0, 2000 - used))

    def _told(self, status: int, code: str, detail: str, meta: dict[str, Any]) -> Reply:
        error = {"id": "stage", "status": status, "code": code, "detail": detail, "meta": meta}
        return Reply.json(status, {"type": "ErrorResponse", "error": error})

    def _limits(self, now: int, this_month: int) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": "1, 2000",
            "X-RateLimit-Remaining": f"{now}, {this_month}",
            "X-RateLimit-Reset": "1, 1419704",
        }


class Serper(SearchVendor):
    name = "serper"

    def serves(self, request: Request) -> bool:
        return _is_search(request, "POST") and "q" in request.body

    def found(self, request: Request) -> Reply:
        query = str(request.body["q"])
        organic = [
            {"title": page.title, "link": page.url, "snippet": page.text, "position": place}
            for place, (_, page) in enumerate(find(query, PAGES, int(request.body.get("num", 10))), start=1)
        ]
        return Reply.json(200, {"searchParameters": {"q": query, "type": "search"}, "organic": organic, "credits": 1})

    def error(self, status: int, says: str = "", delay: float | None = None) -> Reply:
        usual = "Unauthorized." if status in (401, 403) else f"HTTP {status}"
        return Reply.json(status, {"message": says or usual, "statusCode": status})

    def quota(self) -> Reply:
        return self.error(400, "Not enough credits")

    def bad_key(self, key: str) -> Reply:
        """A 403, as in https://github.com/crewAIInc/crewAI/issues/633."""
        return self.error(403)


class SearXNG(SearchVendor):
    name = "searxng"

    def serves(self, request: Request) -> bool:
        return request.method == "GET" and request.path.endswith("/search") and "q" in request.query

    def found(self, request: Request) -> Reply:
        if request.query.get("format") != "json":
            return Reply.text(200, "<!DOCTYPE html><title>SearXNG</title>", "text/html")
        query = request.query["q"]
        results = [
            {"url": page.url, "title": page.title, "content": page.text, "engine": "stage", "score": score}
            for score, page in find(query, PAGES, 10)
        ]
        return Reply.json(200, {"query": query, "results": results, "unresponsive_engines": []})

    def error(self, status: int, says: str = "", delay: float | None = None) -> Reply:
        """A 403 means that JSON is not enabled on this host."""
        usual = {403: "Forbidden", 429: "Too Many Requests"}.get(status, f"HTTP {status}")
        return Reply.text(status, f"<!doctype html><title>{status} {usual}</title><p>{says}</p>", "text/html")


def _is_search(request: Request, method: str) -> bool:
    return request.method == method and request.path.endswith("/search") and isinstance(request.body, dict)

"""What a request asks of Postgres. Only a request with the header is listened to, and none of those is timed.

A request with the other header finds an empty cache.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest
from django.http.response import HttpResponseBase

HEADER = "X-Bench-Statements"
COLD = "X-Bench-Cold"
MOST_CHARS = 6000


class Statements:
    """Answers with `{queries, own_ms, sql_ms, slowest_ms, slowest}` in a header; `slowest` is a whole statement."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if COLD in request.headers:
            cache.clear()
        if HEADER not in request.headers:
            return self._get_response(request)
        heard: list[tuple[float, str]] = []

        def listen(execute: Any, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
            began = time.perf_counter()
            try:
                return execute(sql, params, many, context)
            finally:
                took = (time.perf_counter() - began) * 1000
                said = sql if many else connection.ops.last_executed_query(context["cursor"].cursor, sql, params)
                heard.append((took, said))

        began = time.thread_time()
        with connection.execute_wrapper(listen):
            response = self._get_response(request)
        own_ms = (time.thread_time() - began) * 1000
        slowest = max(heard, default=(0.0, ""))
        response.headers[HEADER] = json.dumps(
            {
                "queries": len(heard),
                "own_ms": own_ms,
                "sql_ms": sum(took for took, _ in heard),
                "slowest_ms": slowest[0],
                "slowest": slowest[1][:MOST_CHARS],
            }
        )
        return response

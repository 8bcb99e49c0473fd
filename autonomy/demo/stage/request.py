"""What a provider was asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Request:
    """`path` is what follows the provider's name, `headers` have names in lower case, `body` is the parsed JSON or
    None, and `at` is in monotonic seconds."""

    provider: str
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    at: float

    @property
    def key(self) -> str:
        """The secret that was sent, wherever the vendor wants it; empty if there was none."""
        bearer = self.headers.get("authorization", "").removeprefix("Bearer ")
        of_headers = (self.headers.get(name, "") for name in ("x-api-key", "x-goog-api-key", "x-subscription-token"))
        in_body = str(self.body.get("api_key", "")) if isinstance(self.body, dict) else ""
        return next(filter(None, (bearer, *of_headers, self.query.get("api_key"), self.query.get("key"), in_body)), "")

"""What is sent back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Reply:
    """`reason` is the phrase behind the status; empty: the usual one."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    reason: str = ""

    @classmethod
    def json(cls, status: int, content: object, headers: dict[str, str] | None = None) -> Reply:
        body = json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass")
        return cls(status, body, {"Content-Type": "application/json", **(headers or {})})

    @classmethod
    def text(cls, status: int, content: str, kind: str = "text/plain") -> Reply:
        return cls(status, content.encode(), {"Content-Type": f"{kind}; charset=utf-8"})

"""A registered address, and one delivery to it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from turnitin.stage.submission import new_id, now

EVENT_TYPES = (
    "SUBMISSION_COMPLETE",
    "SIMILARITY_COMPLETE",
    "SIMILARITY_UPDATED",
    "PDF_STATUS",
    "GROUP_ATTACHMENT_COMPLETE",
)
ANSWER_WITHIN = 5.0


@dataclass(frozen=True)
class Webhook:
    """`signing_secret` is base64, as it was registered."""

    url: str
    event_types: tuple[str, ...]
    signing_secret: str
    description: str = ""
    id: str = field(default_factory=new_id)
    created_time: str = field(default_factory=now)

    @property
    def key(self) -> bytes:
        return base64.b64decode(self.signing_secret)

    def told(self) -> dict[str, Any]:
        """What Turnitin says of it, which is not the secret."""
        return {
            "id": self.id,
            "url": self.url,
            "description": self.description,
            "event_types": list(self.event_types),
            "created_time": self.created_time,
        }


@dataclass(frozen=True)
class Delivery:
    """One attempt, the first being number 1. `status` is 0 if nobody answered."""

    event_type: str
    url: str
    headers: dict[str, str]
    body: bytes
    status: int
    answer: bytes
    attempt: int


def signature(key: bytes, body: bytes) -> str:
    return hmac.new(key, body, hashlib.sha256).hexdigest()


def written(body: Mapping[str, Any]) -> bytes:
    """JSON that nobody gets by parsing and writing it again: odd blanks, keys backwards, slashes escaped."""
    text = json.dumps(dict(reversed(list(body.items()))), ensure_ascii=False, separators=(" ,", ":  "))
    return text.replace("/", "\\/").encode() + b"\n"


def headers_for(event_type: str, key: bytes, body: bytes) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "X-Turnitin-EventType": event_type,
        "X-Turnitin-Signature": signature(key, body),
    }


def connect(url: str) -> HTTPConnection:
    address = urlsplit(url)
    kind = HTTPSConnection if address.scheme == "https" else HTTPConnection
    return kind(address.hostname or "", address.port, timeout=ANSWER_WITHIN)


def post(connection: HTTPConnection, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
    """Status and body of the answer. Raises OSError and HTTPException."""
    address = urlsplit(url)
    path = (address.path or "/") + (f"?{address.query}" if address.query else "")
    connection.request("POST", path, body, dict(headers))
    with connection.getresponse() as answer:
        return answer.status, answer.read()

"""The bytes of a request, as they came and no more than a bound: a signature is of them, not of what they mean."""

from __future__ import annotations

from django.http import HttpRequest
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request

from autonomy.errors import TooLarge

LONGEST_LENGTH = 15  # digits of a Content-Length


def raw_body(request: HttpRequest, limit: int) -> bytes:
    """The body, read once and kept. Raises TooLarge, before anything is read where Content-Length says so already."""
    kept: bytes | None = getattr(request, "raw_body", None)
    if kept is not None:
        return kept
    told = request.META.get("CONTENT_LENGTH") or "0"
    if not told.isdecimal() or len(told) > LONGEST_LENGTH or int(told) > limit:
        raise _too_large(limit)
    # Without a Content-Length there is only this.
    body: bytes = request.read(limit + 1)
    if len(body) > limit:
        raise _too_large(limit)
    request.raw_body = body  # type: ignore[attr-defined]
    return body


def must_be_json(request: Request) -> None:
    """Raises UnsupportedMediaType for everything but application/json."""
    if request._request.content_type != "application/json":
        raise UnsupportedMediaType(
            request.content_type, f"Send JSON, as application/json and not {request.content_type}."
        )


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body may have {limit:,} bytes at most.", limit=limit)

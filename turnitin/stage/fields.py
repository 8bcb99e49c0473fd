"""The fields of a request. Each function raises a Refusal with 400 that names the field."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from turnitin.stage.refusal import Refusal
from turnitin.stage.webhook import EVENT_TYPES


def text(given: Mapping[str, Any], name: str, *, required: bool = True, longest: int | None = None) -> str:
    """Empty if it is left out and may be."""
    value = given.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str) or (required and not value):
        raise Refusal(400, f"{name} must be a text.")
    if longest is not None and len(value) > longest:
        raise Refusal(400, f"{name} must have {longest} characters at most, not {len(value)}.")
    return value


def group(given: Mapping[str, Any], name: str, *, required: bool = False) -> dict[str, Any]:
    """Empty if it is left out and may be."""
    value = given.get(name)
    if value is None and not required:
        return {}
    if not isinstance(value, dict):
        raise Refusal(400, f"{name} must be an object.")
    return value


def address(given: Mapping[str, Any], name: str) -> str:
    value = text(given, name)
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Refusal(400, f"{name} must be an address that begins with https://.")
    return value


def secret(given: Mapping[str, Any], name: str) -> str:
    """In base64. That another text is refused is not documented: a signature could not be made with it."""
    value = text(given, name)
    try:
        key = base64.b64decode("".join(value.split()), validate=True)
    except ValueError:
        key = b""
    if not key:
        raise Refusal(400, f"{name} must be in base64.")
    return value


def event_types(given: Mapping[str, Any]) -> tuple[str, ...]:
    value = given.get("event_types")
    if not isinstance(value, list) or not value or not all(one in EVENT_TYPES for one in value):
        raise Refusal(400, f"event_types must be a list of {', '.join(EVENT_TYPES)}.")
    return tuple(value)

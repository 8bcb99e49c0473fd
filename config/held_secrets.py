"""The secrets that settings hold, wherever they stand: what redaction has to know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import BaseModel, SecretStr

from autonomy.telemetry.redaction import says_secret

# Addresses: of these only the password is a secret, and the rest helps who reads the log.
ADDRESSES = ("database_url", "redis_url")


def secrets_in(value: Any, name: str = "") -> Iterator[str]:
    """Of settings at any depth: each secret, and the passwords in addresses. `name` is the setting's."""
    if isinstance(value, SecretStr):
        text = value.get_secret_value()
        yield from _passwords_in(text)
        if name == "otel_exporter_otlp_headers":
            values = [pair.partition("=")[2].strip() for pair in text.split(",")]
            yield from (part for one in values for part in (one, unquote(one), unquote(one).split(" ")[-1]))
        elif name not in ADDRESSES:
            yield text
    elif isinstance(value, str):
        yield from _passwords_in(value)
    elif isinstance(value, BaseModel):
        yield from secrets_in(dict(value))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from secrets_in(item, str(key))
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from secrets_in(item)


def _passwords_in(text: str) -> Iterator[str]:
    """Of a URL: in front of the host, and in its query. As it is written there, and as it is meant."""
    if "://" not in text:
        return
    try:
        parts = urlsplit(text)
        password = parts.netloc.rpartition("@")[0].partition(":")[2]
        asked = [value for key, value in parse_qsl(parts.query) if says_secret(key)]
    except ValueError:
        return
    yield from (password, unquote(password), *asked)

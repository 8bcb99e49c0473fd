"""The address of an originality report. It is shown to people as a link and never fetched by the server."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator

MAX_CHARS = 2000
_valid = URLValidator(schemes=["https"])


def complaint(address: str) -> str:
    """What is wrong with it, in a sentence that says how to mend it; empty if nothing is."""
    if len(address) > MAX_CHARS:
        return f"The address may have {MAX_CHARS} characters at most."
    if not address.isascii():
        return "Write other letters than ASCII in their percent-encoded form, and a host name in its xn-- form."
    if not address.isprintable() or " " in address:
        return "The address must not hold spaces or control characters: write them percent-encoded, %20 for a space."
    if not address.startswith("https://"):
        return "The report's address must start with https://."
    try:
        parts = urlsplit(address)
        if "@" in parts.netloc:
            return "The address must not hold a name or password before its host: leave out what stands before the @."
        _valid(address)
        if parts.port == 0:
            raise ValueError(address)
    except (ValidationError, ValueError):
        return "Enter a valid URL, such as https://reports.example.org/1."
    return ""

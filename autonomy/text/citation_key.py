"""The key a source is cited by."""

from __future__ import annotations

import re
import unicodedata


def citation_key(title: str, taken: set[str]) -> str:
    """A short readable key, unique among `taken`, to which it is added."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    base = "-".join(re.findall(r"[a-z0-9]+", plain)[:4])[:40].strip("-") or "source"
    key, number = base, 2
    while key in taken:
        key, number = f"{base}-{number}", number + 1
    taken.add(key)
    return key

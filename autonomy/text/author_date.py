"""Authors and year of a source, in a few words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MOST_LETTERS = 60


def author_date(csl: Mapping[str, Any]) -> str:
    """“Roe and Water Board, 2026” of CSL-JSON, which comes from outside; what it does not say is left out."""
    return ", ".join(filter(None, (_authors(csl.get("author")), _year(csl.get("issued")))))


def _authors(people: object) -> str:
    names = [
        " ".join(str(one.get("family") or one.get("literal") or one.get("given") or "").split())
        for one in (people if isinstance(people, list) else [])
        if isinstance(one, dict)
    ]
    names = [_short(name) for name in names if name]
    return f"{names[0]} et al." if len(names) > 2 else " and ".join(names)


def _year(issued: object) -> str:
    parts = issued.get("date-parts") if isinstance(issued, dict) else None
    first = parts[0] if isinstance(parts, list) and parts else None
    return str(first[0])[:10] if isinstance(first, list) and first and first[0] else ""


def _short(name: str) -> str:
    return name if len(name) <= _MOST_LETTERS else f"{name[: _MOST_LETTERS - 1].rstrip()}…"

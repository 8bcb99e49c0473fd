"""CSL-JSON fields from what a file says of itself. Nothing is guessed: an unclear value is left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from autonomy.tools.extract.prose import clean

_DATE = re.compile(r"(\d{4})(?:[-/](\d{1,2})(?:[-/](\d{1,2}))?)?(?:[T ].*)?")
# What programs write into the author field when nobody filled it in.
_NOBODY = {"", "anonymous", "(anonymous)", "unknown", "python-docx", "microsoft office user", "user", "admin", "author"}


def names(authors: str | Iterable[Any]) -> list[dict[str, str]]:
    """CSL names. `Family, Given` is split; any other form stays literal, as the order of names is not knowable.

    A string may hold several names separated by semicolons. Mappings with `family`/`given`/`literal` pass through.
    """
    found: list[dict[str, str]] = []
    for author in authors.split(";") if isinstance(authors, str) else authors:
        if isinstance(author, Mapping):
            name = {part: clean(str(author[part])) for part in ("family", "given", "literal") if author.get(part)}
        else:
            name = _name(clean(str(author)))
        if name and name not in found:
            found.append(name)
    return found


def _name(author: str) -> dict[str, str]:
    if author.lower() in _NOBODY:
        return {}
    family, comma, given = (part.strip() for part in author.partition(","))
    if comma and family and given and "," not in given:
        return {"family": family, "given": given}
    return {"literal": author}


def issued(value: object) -> dict[str, list[list[int]]] | None:
    """A CSL date from a date, a year, `2026-03` or an ISO date or time; None if it is none of these."""
    if isinstance(value, date):
        return {"date-parts": [[value.year, value.month, value.day]]}
    match = _DATE.fullmatch(str(value).strip()) if value is not None else None
    if match is None:
        return None
    parts = [int(part) for part in match.groups() if part is not None]
    try:
        date(*[*parts, 1, 1][:3])
    except ValueError:
        return None
    return {"date-parts": [parts]}


def csl(
    kind: str, title: str = "", authors: str | Iterable[Any] = (), when: object = None, **more: str
) -> dict[str, Any]:
    """A CSL-JSON item of type `kind` without an id; empty fields are left out."""
    item: dict[str, Any] = {"type": kind}
    if clean(title):
        item["title"] = clean(title)
    if found := names(authors):
        item["author"] = found
    if (day := issued(when)) is not None:
        item["issued"] = day
    item.update({name: clean(value) for name, value in more.items() if clean(value)})
    return item

"""Authors and year of a source, as a citation in a text names it."""

from __future__ import annotations

from collections.abc import Mapping
from string import ascii_lowercase
from typing import Any

_MOST_LETTERS = 40


def labels(sources: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[str, str]]:
    """By key: who wrote it, or else its title, and the year or “”. Of one author and year each has a letter of its own.

    `sources` by key: `{title, csl}`, CSL-JSON from outside.
    """
    named = {key: (_authors(one["csl"]) or _short(one["title"]), _year(one["csl"])) for key, one in sources.items()}
    alike: dict[tuple[str, str], list[str]] = {}
    for key in sorted(named, key=lambda key: (str(sources[key]["title"]).casefold(), key)):
        alike.setdefault(named[key], []).append(key)
    for (name, year), keys in alike.items():
        if len(keys) > 1 and (year or _authors(sources[keys[0]]["csl"])):
            for number, key in enumerate(keys):
                letter = ascii_lowercase[number] if number < len(ascii_lowercase) else f"-{number + 1}"
                named[key] = (name, f"{year or 'n.d. '}{letter}")
    return named


def _authors(csl: Mapping[str, Any]) -> str:
    people = csl.get("author")
    names = [
        str(one.get("family") or one.get("literal") or one.get("given") or "").strip()
        for one in (people if isinstance(people, list) else [])
        if isinstance(one, dict)
    ]
    names = [_short(name) for name in names if name]
    if len(names) > 2:
        return f"{names[0]} et al."
    return " and ".join(names)


def _year(csl: Mapping[str, Any]) -> str:
    issued = csl.get("issued")
    parts = issued.get("date-parts") if isinstance(issued, dict) else None
    first = parts[0] if isinstance(parts, list) and parts else None
    return str(first[0])[:10] if isinstance(first, list) and first and first[0] else ""


def _short(text: object) -> str:
    line = " ".join(str(text).split())
    return line if len(line) <= _MOST_LETTERS else f"{line[: _MOST_LETTERS - 1].rstrip()}…"

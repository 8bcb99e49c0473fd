"""Reading parts of a graph state that may be missing, or of another form than the built-in journeys give them."""

from __future__ import annotations

import re
from typing import Any

_ESCAPED = re.compile(r"\\(.)")


def table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def entries(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def texts(value: Any) -> list[str]:
    return [text(one) for one in value] if isinstance(value, list) else []


def headed(draft: dict[str, Any], sections: list[dict[str, Any]], plan: dict[str, Any]) -> list[dict[str, str]]:
    """Sections of a draft as `[{id, heading, markdown}]`.

    A draft may be older than the plan beside it: what its own text says above a section comes first. A draft without
    sections is one.
    """
    whole = text(draft.get("markdown"))
    if not sections and whole:
        return [{"id": "", "heading": "", "markdown": whole}]
    planned = {text(one.get("id")): text(one.get("heading")) for one in entries(plan.get("sections"))}
    found: list[dict[str, str]] = []
    at = 0
    for section in sections:
        markdown, name = text(section.get("markdown")), text(section.get("id"))
        place = whole.find(markdown, at) if markdown else -1
        line = whole[at:place].rstrip().rpartition("\n")[2] if place >= 0 else ""
        at = place + len(markdown) if place >= 0 else at
        heading = _ESCAPED.sub(r"\1", line[3:].strip()) if line.startswith("## ") else planned.get(name, "")
        found.append({"id": name, "heading": heading, "markdown": markdown})
    return found

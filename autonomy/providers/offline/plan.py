"""A plan in the terms of the sources: which sections, what each asks, and where to look."""

from __future__ import annotations

from typing import Any

from autonomy.providers.offline.frames import capitalised
from autonomy.providers.offline.outline import Outline, cut, one_line

_QUESTIONS = (
    "What do the sources say about {}?",
    "How do the sources describe {}?",
    "What do the sources connect with {}?",
    "Where do the sources agree and differ on {}?",
    "What do the sources report on {}?",
)


def make(material: dict[str, Any]) -> dict[str, Any]:
    """`{"title", "sections": [{"heading", "question", "words", "queries"}]}` for the material of a `plan` request.

    Headings that were asked for are kept in their order; otherwise three to five are found, fewer if the sources are
    too few to carry them.
    """
    outline = Outline(material)
    asked = [clean for clean in (one_line(heading) for heading in material.get("sections") or []) if clean]
    headings = asked or outline.headings(_how_many(int(material["words"])))
    words = _shares(max(0, int(material["words"])), len(headings))
    revision = int(material.get("revision") or 0)
    sections = [
        {
            "heading": heading,
            "question": _question(heading, position),
            "words": words[position],
            "queries": outline.queries(heading, revision, position),
        }
        for position, heading in enumerate(headings)
    ]
    return {"title": capitalised(cut(one_line(material["topic"]).rstrip(".;:,"), 150)), "sections": sections}


def _how_many(words: int) -> int:
    return 3 if words < 700 else 4 if words < 1500 else 5


def _shares(words: int, parts: int) -> list[int]:
    """`words` in nearly equal parts, the earlier ones the larger."""
    return [words // parts + (position < words % parts) for position in range(parts)]


def _question(heading: str, position: int) -> str:
    return heading if heading.endswith("?") else _QUESTIONS[position % len(_QUESTIONS)].format(_in_sentence(heading))


def _in_sentence(heading: str) -> str:
    """A heading as it reads within a sentence: lower case at the start unless it is a name or an abbreviation."""
    heading = heading.rstrip("?.!:")
    first = heading.split(" ", 1)[0]
    return heading if any(letter.isupper() for letter in first[1:]) else heading[:1].lower() + heading[1:]

"""The draft as the graph state holds it: the last one that is whole, and the sections of the one under way.

Whole: `{markdown, sections: [{id, markdown}], words, writers}`. While sections are written it has `under_way` besides,
`{sections: [{id, markdown}], writers, first}`: those that are there so far, in the order of the plan. `first` says that
no draft was whole before; the rest then tells what there is so far.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autonomy.text import citations


def under_way(draft: dict[str, Any]) -> tuple[list[dict[str, str]], list[str]]:
    """The sections that are written of a draft under way, and their writers; nothing if none is under way."""
    begun = draft.get("under_way", {})
    return begun.get("sections", []), begun.get("writers", [])


def whole(draft: dict[str, Any]) -> dict[str, Any]:
    """The last draft that was finished, without what is under way; empty if there was none."""
    if draft.get("under_way", {}).get("first"):
        return {}
    return {name: value for name, value in draft.items() if name != "under_way"}


def go_on(
    before: dict[str, Any], plan: dict[str, Any], sections: list[dict[str, str]], writers: Iterable[str]
) -> dict[str, Any]:
    """The draft `before` with these sections under way. A whole one stays as it is until it can be replaced."""
    writers = sorted(set(writers))
    finished = whole(before)
    begun = {"sections": sections, "writers": writers, "first": not finished}
    return {**(finished or put_together(plan, sections, writers)), "under_way": begun}


def put_together(plan: dict[str, Any], sections: list[dict[str, str]], writers: Iterable[str]) -> dict[str, Any]:
    """The draft of these sections, `[{id, markdown}]`.

    What is handed off is made of the sections here and nowhere else: the gates look at sections.
    """
    headings = {section["id"]: section["heading"] for section in plan["sections"]}
    body = "\n\n".join(f"## {citations.plain(headings[one['id']])}\n\n{one['markdown']}" for one in sections)
    return {
        "markdown": f"# {citations.plain(plan['title'])}\n\n{body}\n",
        "sections": sections,
        "words": sum(len(citations.words(one["markdown"])) for one in sections),
        "writers": sorted(set(writers)),
    }


def parts(draft: dict[str, Any]) -> tuple[str, list[tuple[str, str]]] | None:
    """The title, and the headings and texts, all in Markdown, that a draft was put together of; None if it was not.

    The plan in the state may be a newer one than the draft was written for: its own headings stand in the text alone.
    """
    title, _, rest = draft["markdown"].partition("\n\n")
    found: list[tuple[str, str]] = []
    for one in draft["sections"]:
        line, _, rest = rest.partition("\n\n")
        if not line.startswith("## ") or not rest.startswith(one["markdown"]):
            return None
        found.append((line.removeprefix("## "), one["markdown"]))
        rest = rest[len(one["markdown"]) :].removeprefix("\n\n")
    return (title.removeprefix("# "), found) if found and title.startswith("# ") and not rest.strip() else None


def finished(draft: dict[str, Any]) -> dict[str, Any]:
    """What the state holds of a whole draft: itself, and the observation that it is there to be judged."""
    return {"draft": draft, "last_observation": {"kind": "draft", "words": draft["words"]}}

"""Running heads, running feet and page numbers: what stands on the pages of a PDF but not in its text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from autonomy.tools.extract.prose import clean

_PAGE_NUMBER = re.compile(
    r"(?i:page|p\.)?\s*[-–|]?\s*(?:\d{1,4}|[ivxl]{1,6}|[IVXL]{1,6})\s*[-–|]?(?:\s*(?:/|of)\s*\d{1,4})?"
)
_NUMBER = re.compile(r"\d+|\b[ivxl]{1,6}\b")
# How many lines from the top and from the bottom may be running ones, blank lines not counted.
_DEEPEST = 3
# On so many pages, close to each other, a line is the running title of a chapter.
_CHAPTER = 4


def without_running(pages: Sequence[Sequence[str]]) -> list[list[str]]:
    """The lines of each page without those that recur at the edges of pages. A chapter's title is kept once."""
    edges = [_edges(page) for page in pages]
    counts = Counter(mask for masks in edges for mask in set(masks.values()))
    many = max(2, len(pages) // 2) if len(pages) > 2 else len(pages)
    last: dict[str, int] = {}
    kept: list[list[str]] = []
    for number, (page, masks) in enumerate(zip(pages, edges, strict=True)):
        dropped: set[int] = set()
        for position, mask in masks.items():
            runs_on = counts[mask] >= _CHAPTER and number - last.get(mask, -9) in (1, 2)
            if counts[mask] > many or runs_on or _PAGE_NUMBER.fullmatch(clean(page[position])):
                dropped.add(position)
        last.update(dict.fromkeys(masks.values(), number))
        kept.append([line for position, line in enumerate(page) if position not in dropped])
    return kept


def _edges(page: Sequence[str]) -> dict[int, str]:
    """The lines at the edges of a page by position, their numbers masked."""
    filled = [position for position, line in enumerate(page) if line.strip()]
    outer = {*filled[:_DEEPEST], *filled[-_DEEPEST:]}
    return {position: _NUMBER.sub("#", clean(page[position])) for position in sorted(outer)}

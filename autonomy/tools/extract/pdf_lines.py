"""From the lines of PDF pages back to paragraphs: a PDF knows where glyphs stand, not what belongs together."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from autonomy.tools.extract.pdf_running import without_running
from autonomy.tools.extract.pdf_words import rejoined
from autonomy.tools.extract.prose import is_heading_like, items, join_lines, without_leaders

_ENDS = re.compile(r"[.!?:。！？؟][”\"’')\]\d]*$")
_BULLET = re.compile(r"(?:[–—-]|\(?\d{1,2}[.)])\s")
# Some fonts yield a space before the hyphen of a divided word.
_HYPHEN_END = re.compile(r"(\w[\w’'-]*)(\s?)[-‐]$")
_WORD = re.compile(r"\w+(?:[-‐]\w+)*")


def paragraphs_of_pages(pages: Sequence[Sequence[str]], headings: AbstractSet[str] = frozenset()) -> list[str]:
    """Paragraphs of the pages in order, without running heads and page numbers; `headings` stand alone."""
    lines = _content(pages)
    known = Counter(word.lower() for line in lines for word in _WORD.findall(line))
    full = sorted(len(line) for line in lines if line)
    width = full[int(len(full) * 0.8)] if full else 0
    paragraphs: list[list[str]] = [[]]
    for position, line in enumerate(lines):
        after = lines[position + 1] if position + 1 < len(lines) else ""
        alone = line in headings or _is_lone(line, after, width, paragraphs[-1])
        if paragraphs[-1] and (not line or alone or _BULLET.match(line)):
            paragraphs.append([])
        if not line:
            continue
        paragraphs[-1].append(line)
        if alone or (_ENDS.search(line) and len(line) < 0.85 * width):
            paragraphs.append([])
    return [join_lines(_mend(block, known)) for block in paragraphs if block]


def _content(pages: Sequence[Sequence[str]]) -> list[str]:
    """The lines of all pages, each list item after a blank line."""
    found: list[str] = []
    for page in without_running(pages):
        # A soft hyphen at the end of a line is a hyphenation; anywhere else it is nothing.
        for line in without_leaders(re.sub("\u00ad\\s*$", "-", line) for line in page):
            for position, part in enumerate(items(line)):
                if position:
                    found.append("")
                if part or position == 0:
                    found.append(part)
    return rejoined(found)


def _is_lone(line: str, after: str, width: int, before: list[str]) -> bool:
    """A line that stands where a paragraph has ended, reads as a heading and is followed by a new beginning."""
    return not before and len(line) < 0.75 * width and is_heading_like(line) and bool(after) and not after[0].islower()


def _mend(block: list[str], known: Counter[str]) -> list[str]:
    """Undo hyphenation at line ends; a hyphen that the document writes elsewhere is kept."""
    mended: list[str] = []
    for line in block:
        cut = _HYPHEN_END.search(mended[-1]) if mended else None
        if cut is None or not line[:1].islower():
            mended.append(line)
            continue
        tail = _WORD.match(line)
        end = tail[0] if tail else ""
        hyphenated, whole = f"{cut[1]}-{end}".lower(), f"{cut[1]}{end}".lower()
        if cut[2] and not known[whole] and min(known[cut[1].lower()], known[end.lower()]) > 1:
            mended.append(line)  # a dash between two words of their own
            continue
        keep = known[hyphenated] > 0 and known[whole] == 0
        mended[-1] = mended[-1][: cut.end(1)] + ("-" if keep else "") + line
    return mended

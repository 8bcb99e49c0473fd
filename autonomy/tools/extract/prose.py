"""Turning lines and paragraphs of any origin into clean prose."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from autonomy.errors import UnreadableSource
from autonomy.tools.extract import limits

# Control characters (tab, newline, carriage return, vertical tab and form feed are white space and stay for now),
# lone surrogates, zero-width space, soft hyphen, byte-order mark, and the private-use characters that stand for the
# glyphs of symbol fonts. The joiners U+200C/D stay: scripts need them.
_UNWANTED = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\u00ad\u200b\ufeff\ue000-\uf8ff\U000f0000-\U0010fffd]"
)
# What opens a list item: a bullet, the private-use glyph of a symbol font, or the letter o that word processors use.
_GLYPH = "•‣▪▫●○◦■□◆◇➢➤►▶✓✔❖⁃∙"
_ITEM = re.compile(rf"^\s*[{_GLYPH}·\ue000-\uf8ff]+\s*|^\s*o\s+(?=[A-Z])|(?<=\s)[{_GLYPH}]\s+")
# Dots from an entry of a list of contents to its page, and the line of a form that is to be filled in.
_LEADER = re.compile(r"(?:\.\s?){8,}|(?:(?:\.\s?){4,}|(?:…\s?){2,}|(?:·\s?){4,}|_{4,})\s*\S{0,8}$")
_STOPS = re.compile(r"[.!?:;。！？][”\"’')\]\d]*$")
_SPACE = re.compile(r"\s+")
_CJK = re.compile("[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]")
_BULLET = re.compile(r"(?:[-*+•–]|\d{1,3}[.)])\s")
_BYLINE = re.compile(r",.*\b\d{4}$")
_LONGEST_WRAPPED_LINE = 120


def clean(text: str) -> str:
    """One paragraph on one line: NFC, single spaces, no control characters."""
    return _SPACE.sub(" ", _UNWANTED.sub("", unicodedata.normalize("NFC", text))).strip()


def items(line: str) -> list[str]:
    """The clean parts of a line between its bullets. A line that begins with a bullet has an empty first part."""
    return [clean(part) for part in _ITEM.split(line)]


def without_leaders(lines: Iterable[str]) -> list[str]:
    """Lines without those that lead to a page number by dots, nor the beginning of such an entry on lines before.

    A blank line stands where something was dropped.
    """
    kept: list[str] = []
    for line in lines:
        if not _LEADER.search(line.rstrip()):
            kept.append(line)
            continue
        start = len(kept)
        while start > 0 and len(kept) - start < 3 and kept[start - 1].strip() and not _STOPS.search(kept[start - 1]):
            start -= 1
        if start == 0 or not kept[start - 1].strip():
            del kept[start:]
        kept.append("")
    return kept


def join_lines(lines: Iterable[str]) -> str:
    """Wrapped lines as one; no space is put between two CJK characters."""
    joined = ""
    for line in (clean(line) for line in lines):
        if joined and line and not (_CJK.match(joined[-1]) and _CJK.match(line[0])):
            joined += " "
        joined += line
    return joined


def paragraphs_of(text: str) -> list[str]:
    """The paragraphs of plain text: blank lines separate them, and so do list bullets and unwrapped long lines."""
    paragraphs: list[str] = []
    block: list[str] = []

    def close() -> None:
        if block:
            paragraphs.append(join_lines(block))
            block.clear()

    for line in without_leaders(text.splitlines()):
        if not line.strip():
            close()
            continue
        for position, part in enumerate(items(line)):
            if position or (block and (_BULLET.match(part) or len(block[-1]) > _LONGEST_WRAPPED_LINE)):
                close()
            if part:
                block.append(part)
    close()
    return [paragraph for paragraph in paragraphs if paragraph]


def assemble(paragraphs: Iterable[str], nothing: str = "The file holds no text") -> str:
    """The text of a source from its paragraphs; raises UnreadableSource with `nothing`, or if it is too long."""
    kept = without_leaders(paragraph for paragraph in map(clean, paragraphs) if paragraph)
    text = "\n\n".join(part for paragraph in kept for part in items(paragraph) if part)
    if not any(character.isalnum() for character in text):
        raise UnreadableSource(nothing)
    if len(text) > limits.MAX_CHARS:
        raise UnreadableSource(f"The text is too long: {len(text):,} characters, the limit is {limits.MAX_CHARS:,}")
    return text


def is_heading(paragraph: str) -> bool:
    """Whether a plain paragraph is likely a heading: it reads as one, and is not a line such as `A. Roe, May 2026`."""
    return is_heading_like(paragraph) and not _BYLINE.search(paragraph)


def is_heading_like(paragraph: str) -> bool:
    """Whether a plain paragraph reads as a heading: short, one clause, no closing punctuation."""
    return (
        len(paragraph) <= 90
        and len(paragraph.split()) <= 12
        and paragraph[-1:].isalnum()
        and paragraph[:1].isalnum()
        and not paragraph[:1].islower()
    )

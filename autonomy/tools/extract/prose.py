"""Turning lines and paragraphs of any origin into clean prose."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from autonomy.errors import UnreadableSource
from autonomy.tools.extract import limits

# Control characters (tab, newline, carriage return, vertical tab and form feed are white space and stay for now),
# lone surrogates, zero-width space, soft hyphen and byte-order mark. The joiners U+200C/D stay: scripts need them.
_UNWANTED = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\u00ad\u200b\ufeff]")
_SPACE = re.compile(r"\s+")
_CJK = re.compile("[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]")
_BULLET = re.compile(r"(?:[-*+•–]|\d{1,3}[.)])\s")
_BYLINE = re.compile(r",.*\b\d{4}$")
_LONGEST_WRAPPED_LINE = 120


def clean(text: str) -> str:
    """One paragraph on one line: NFC, single spaces, no control characters."""
    return _SPACE.sub(" ", _UNWANTED.sub("", unicodedata.normalize("NFC", text))).strip()


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

    for line in text.splitlines():
        if not clean(line):
            close()
            continue
        if block and (_BULLET.match(line.strip()) or len(block[-1]) > _LONGEST_WRAPPED_LINE):
            close()
        block.append(line)
    close()
    return [paragraph for paragraph in paragraphs if paragraph]


def assemble(paragraphs: Iterable[str], nothing: str = "The file holds no text") -> str:
    """The text of a source from its paragraphs; raises UnreadableSource with `nothing`, or if it is too long."""
    text = "\n\n".join(filter(None, (clean(paragraph) for paragraph in paragraphs)))
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

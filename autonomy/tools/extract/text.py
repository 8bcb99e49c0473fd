"""Plain text files, and the decoding that every text format shares."""

from __future__ import annotations

import codecs
import re

from autonomy.errors import UnreadableSource
from autonomy.tools.extract.extracted import Extracted
from autonomy.tools.extract.metadata import csl
from autonomy.tools.extract.prose import assemble, is_heading, paragraphs_of

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BINARY = (b"%PDF-", b"PK\x03\x04", b"\x89PNG", b"GIF8", b"\xff\xd8\xff", b"\xd0\xcf\x11\xe0", b"\x1f\x8b", b"{\\rtf")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def decode(data: bytes, declared: str = "") -> str:
    """Text of a byte-order mark's encoding, else UTF-8, else `declared`, else Windows-1252 or Latin-1.

    Raises UnreadableSource if the bytes are clearly not text.
    """
    if data.lstrip()[:8].startswith(_BINARY):
        raise UnreadableSource("The content is not text: the file's name and its content do not agree")
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    for encoding in ("utf-8", declared, "cp1252", "latin-1"):
        try:
            text = data.decode(encoding) if encoding else ""
        except (UnicodeDecodeError, LookupError):
            continue
        if text:
            break
    sample = text[:65536]
    if len(_CONTROL.findall(sample)) > max(1, len(sample) / 50):
        raise UnreadableSource("The content is not text: it is full of control characters")
    return text


def refuse_html(text: str) -> None:
    """Raise UnreadableSource if text that is not named .html is a web page."""
    if re.match(r"\s*(?:<\?xml[^>]*>\s*)?(?:<!doctype\s+html|<html[\s>])", text[:2048], re.IGNORECASE):
        raise UnreadableSource("The content is a web page; give the file the ending .html")


def read(data: bytes) -> Extracted:
    """Text with a first paragraph that reads as a heading taken as the title."""
    text = decode(data)
    refuse_html(text)
    paragraphs = paragraphs_of(text)
    headings = [
        paragraph
        for paragraph, following in zip(paragraphs, [*paragraphs[1:], ""], strict=True)
        if is_heading(paragraph) and following
    ]
    title = headings[0] if headings and headings[0] == paragraphs[0] else ""
    return Extracted(title, assemble(paragraphs), headings, "text/plain", csl("document", title))

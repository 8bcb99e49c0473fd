"""PDF files that carry text."""

from __future__ import annotations

import io
import itertools
import logging
import re
from collections import Counter
from typing import Any

import pypdf
from pypdf.errors import PyPdfError

from autonomy.errors import UnreadableSource
from autonomy.tools.extract import limits
from autonomy.tools.extract.extracted import Extracted
from autonomy.tools.extract.metadata import csl
from autonomy.tools.extract.pdf_lines import paragraphs_of_pages
from autonomy.tools.extract.prose import assemble, clean, is_heading

# pypdf reports every oddity of a file through logging. What matters to a person arrives as UnreadableSource.
logging.getLogger("pypdf").setLevel(logging.CRITICAL + 1)

_NO_TEXT = "This PDF holds no text (scanned pages?)"
_NOT_A_TITLE = re.compile(
    r"untitled\d*|microsoft word - .*|.*\.(?:docx?|xlsx?|pptx?|pdf|tex|dvi|indd|odt|ods|rtf|qxd)", re.IGNORECASE
)

# Many programs put the name of the account that saved the file in the author's place.
_LOGIN = re.compile(r"[a-z][a-z0-9._-]*|(?i:user|admin|owner|administrator|windows user|preferred customer)")


def read(data: bytes) -> Extracted:
    """Paragraphs rebuilt from the lines of the pages; bookmarks and heading-like lines are the headings."""
    if b"%PDF" not in data[:1024]:
        raise UnreadableSource("The PDF is damaged: it does not begin with %PDF")
    reader = pypdf.PdfReader(io.BytesIO(data))
    if reader.is_encrypted and not reader.decrypt(""):
        raise UnreadableSource("The PDF is encrypted: save a copy without a password and use that")
    if len(reader.pages) > limits.MAX_PAGES:
        raise UnreadableSource(f"The PDF has {len(reader.pages):,} pages, the limit is {limits.MAX_PAGES:,}")
    pages: list[list[str]] = []
    length = 0
    for page in reader.pages:
        text = page.extract_text()
        length += len(text)
        if length > 2 * limits.MAX_CHARS:
            raise UnreadableSource(f"The text is too long: the limit is {limits.MAX_CHARS:,} characters")
        pages.append(text.splitlines())
    bookmarks = _bookmarks(reader)
    paragraphs = paragraphs_of_pages(pages, set(bookmarks))
    text = assemble(paragraphs, _NO_TEXT)
    headings = bookmarks or [line for line, _ in itertools.pairwise(paragraphs) if is_heading(line)]
    counts = Counter(headings)
    headings = [heading for heading in dict.fromkeys(headings) if counts[heading] < 4]
    title, authors, when = _metadata(reader)
    return Extracted(title, text, headings, "application/pdf", csl("document", title, authors, when))


def _bookmarks(reader: pypdf.PdfReader) -> list[str]:
    def walk(nodes: Any) -> list[str]:
        found: list[str] = []
        for node in nodes:
            found += walk(node) if isinstance(node, list) else [clean(str(node.title or ""))]
        return found

    try:
        return [title for title in walk(reader.outline)[:500] if title]
    except (PyPdfError, AttributeError, KeyError, TypeError, ValueError, RecursionError):
        return []


def _metadata(reader: pypdf.PdfReader) -> tuple[str, list[str], object]:
    """Title, authors and issue date. The creation date of the file is not its date of issue and is not used."""
    title, authors, when = "", list[str](), None
    try:
        if reader.metadata is not None:
            title = clean(str(reader.metadata.title or ""))
            authors = [clean(part) for part in str(reader.metadata.author or "").split(";")]
        if (xmp := reader.xmp_metadata) is not None:
            titles = xmp.dc_title or {}
            title = title or clean(str(titles.get("x-default") or next(iter(titles.values()), "")))
            authors = [clean(str(name)) for name in xmp.dc_creator or []] or authors
            when = next(iter(xmp.dc_date or []), None)
    except (PyPdfError, AttributeError, KeyError, TypeError, ValueError):
        pass
    authors = [author for author in authors if not _LOGIN.fullmatch(author)]
    return ("" if _NOT_A_TITLE.fullmatch(title) else title), authors, when

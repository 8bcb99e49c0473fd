"""Word documents (.docx)."""

from __future__ import annotations

import io
import re
import zipfile

import docx
from docx.document import Document
from docx.table import Table

from autonomy.errors import UnreadableSource
from autonomy.tools.extract import limits
from autonomy.tools.extract.extracted import Extracted
from autonomy.tools.extract.metadata import csl
from autonomy.tools.extract.prose import assemble, clean

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_HEADING = re.compile(r"Title|Heading \d", re.IGNORECASE)


def read(data: bytes) -> Extracted:
    """Paragraphs and table rows in reading order; headings are the paragraphs in a title or heading style."""
    _check_package(data)
    document = docx.Document(io.BytesIO(data))
    headings: list[str] = []
    paragraphs: list[str] = []
    for block in document.iter_inner_content():
        if isinstance(block, Table):
            paragraphs += _rows(block)
            continue
        text = clean(block.text)
        paragraphs.append(text)
        style = block.style.name if block.style is not None else None
        if text and _HEADING.fullmatch(style or ""):
            headings.append(text)
    about = document.core_properties
    title = clean(about.title or "") or (headings[0] if headings else "")
    # The dates a Word file carries say when it was made and saved, not when it was issued.
    return Extracted(title, assemble(paragraphs), headings, MEDIA_TYPE, csl("document", title, _authors(document)))


def _authors(document: Document) -> list[str]:
    return [clean(name) for name in (document.core_properties.author or "").split(";")]


def _rows(table: Table) -> list[str]:
    rows: list[str] = []
    for row in table.rows:
        cells: list[str] = []
        seen: set[int] = set()
        for cell in row.cells:
            if id(cell._tc) not in seen:
                seen.add(id(cell._tc))
                cells.append(clean(cell.text))
        rows.append(" | ".join(filter(None, cells)))
    return rows


def _check_package(data: bytes) -> None:
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise UnreadableSource("The Word file is encrypted or an old .doc; save it as .docx without a password")
    if not zipfile.is_zipfile(io.BytesIO(data)):
        raise UnreadableSource("The Word file is damaged: it is not a .docx package")
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        entries = package.infolist()
    # zipfile never unpacks more of an entry than its declared size, so the declared sizes bound the memory.
    unzipped = sum(entry.file_size for entry in entries)
    if unzipped > limits.MAX_UNZIPPED_BYTES or len(entries) > limits.MAX_ZIP_ENTRIES:
        raise UnreadableSource(
            f"The Word file unpacks to {unzipped:,} bytes in {len(entries):,} parts, which is more than it may"
        )
    if not any(entry.filename == "word/document.xml" for entry in entries):
        raise UnreadableSource("The Word file is damaged: it holds no document")

"""The files of a hand-off, handed out. They are not served from a public folder: the caller says who may have them."""

from __future__ import annotations

from io import BytesIO
from pathlib import PurePosixPath
from typing import IO

import structlog
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.http import FileResponse

from autonomy.tools.pdf import is_whole, to_pdf
from turnitin.models import Cycle, Submission

log = structlog.get_logger(__name__)

CONTENT_TYPES = {
    "md": "text/markdown; charset=utf-8",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "pdf": "application/pdf",
}


def download(cycle: Cycle, ending: str) -> FileResponse:
    """The document as an attachment.

    Raises OSError or ValueError if it is not in the store any more, and NoPdf if it cannot be set as a PDF.
    """
    return FileResponse(
        _opened(cycle, ending),
        as_attachment=True,
        filename=_filename(cycle, f"{cycle.number}.{ending}"),
        content_type=CONTENT_TYPES[ending],
    )


def has_report_pdf(cycle: Cycle) -> bool:
    return Submission.objects.filter(cycle=cycle).exclude(pdf="").exists()


def download_report(cycle: Cycle) -> FileResponse:
    """Turnitin's report as a PDF. Raises Submission.DoesNotExist, and OSError or ValueError as `download` does."""
    stored = Submission.objects.get(cycle=cycle).pdf
    filename = _filename(cycle, f"{cycle.number}-report.pdf")
    return FileResponse(stored.open("rb"), as_attachment=True, filename=filename, content_type="application/pdf")


def _opened(cycle: Cycle, ending: str) -> IO[bytes]:
    if ending == "pdf":
        return BytesIO(_pdf(cycle))
    stored: IO[bytes] = (cycle.markdown if ending == "md" else cycle.docx).open("rb")
    return stored


def _pdf(cycle: Cycle) -> bytes:
    """Made of the Word file when it is first asked for, and kept beside it."""
    name = str(PurePosixPath(str(cycle.docx.name)).with_suffix(".pdf"))
    if (kept := _kept(name)) is not None:
        return kept
    with cycle.docx.open("rb") as word_file:
        made = to_pdf(word_file.read(), written_at=cycle.opened_at)
    try:
        default_storage.save(name, ContentFile(made))
    except OSError as error:
        # It is made again the next time.
        log.warning("pdf_not_kept", cycle_id=str(cycle.pk), error=str(error))
    return made


def _kept(name: str) -> bytes | None:
    """None also for one that another process is writing just now."""
    try:
        with default_storage.open(name, "rb") as stored:
            kept = bytes(stored.read())
    except OSError:
        return None
    return kept if is_whole(kept) else None


def _filename(cycle: Cycle, ending: str) -> str:
    return f"{cycle.run.journey}-{str(cycle.run_id)[:8]}-{ending}"

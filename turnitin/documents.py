"""The files of a hand-off, handed out. They are not served from a public folder: the caller says who may have them."""

from __future__ import annotations

from django.http import FileResponse

from turnitin.models import Cycle, Submission

CONTENT_TYPES = {
    "md": "text/markdown; charset=utf-8",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}


def download(cycle: Cycle, ending: str) -> FileResponse:
    """The document as an attachment. Raises OSError or ValueError if it is not in the store any more."""
    stored = cycle.markdown if ending == "md" else cycle.docx
    return FileResponse(
        stored.open("rb"),
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


def _filename(cycle: Cycle, ending: str) -> str:
    return f"{cycle.run.journey}-{str(cycle.run_id)[:8]}-{ending}"

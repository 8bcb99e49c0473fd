"""The report as a PDF, fetched once it is complete. A run never waits for it."""

from __future__ import annotations

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from turnitin.core_api import patience
from turnitin.core_api.turn import Turn

NOT_MADE = "Turnitin could not make a PDF of the report."


def fetch_pdf(turn: Turn) -> float | None:
    """Ask for it, look for it, store it: one after the other. Seconds until the next look, or None."""
    submission = turn.submission
    if submission.pdf:
        return None
    turnitin_id, completed_at = submission.turnitin_id, submission.completed_at
    assert completed_at
    if not submission.pdf_id:
        turn.move(pdf_id=turn.ask(lambda timeout: turn.api.ask_for_pdf(turnitin_id, timeout=timeout)))
        return patience.look_again(completed_at)
    pdf_id = submission.pdf_id
    status = turn.ask(lambda timeout: turn.api.pdf_status(turnitin_id, pdf_id, timeout=timeout))
    if status == "SUCCESS":
        content = turn.ask(lambda timeout: turn.api.pdf(turnitin_id, pdf_id, timeout=timeout))
        name = f"{turn.run.pk}/report-{turn.cycle.number}.pdf"
        turn.move(pdf=default_storage.save(name, ContentFile(content)))
        return None
    if status == "FAILED":
        turn.move(pdf_id="")
        turn.remark = NOT_MADE
        return None
    return None if patience.seconds_since(completed_at) > patience.DAY else patience.look_again(completed_at)

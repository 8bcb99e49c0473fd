"""What one customer of Turnitin has there, and what becomes of it with time."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from turnitin.stage.agenda import Agenda
from turnitin.stage.refusal import Refusal
from turnitin.stage.similarity_settings import REPOSITORIES
from turnitin.stage.submission import Pdf, Submission, now
from turnitin.stage.webhooks import Webhooks

MEGABYTE = 1024 * 1024


class Tenant:
    """Used under `agenda.turn`. Seconds are how long each thing takes; 0: it is over at the next look.

    `similarities` are the fractions of the reports, in the order they are asked for; the last is that of all further.
    """

    def __init__(
        self, *, similarities: Sequence[float], scan_seconds: float, process_seconds: float, pdf_seconds: float
    ) -> None:
        if not similarities or not all(0 <= one <= 1 for one in similarities):
            raise ValueError("Similarities are fractions from 0 to 1, as 0.31, and there is at least one.")
        self.agenda = Agenda()
        self.webhooks = Webhooks(self.agenda.catch_up)
        self.submissions: dict[str, Submission] = {}
        self.scans = 0
        self.largest_original = 100 * MEGABYTE
        self.repositories = REPOSITORIES  # what this customer may have documents compared with
        # Which status answers a report that is asked for too early is not documented. 409 is also “already asked”, so
        # a client that takes every 409 for success is found out.
        self.early_similarity_status = 409
        self.eula_required = False
        self.eula_version = "v1beta"
        self.eulas_accepted: set[tuple[str, str]] = set()
        self.coming_errors: list[str] = []
        self.coming_pdf_failures = 0
        self.viewers: dict[str, str] = {}
        self._similarities = list(similarities)
        self._scan_seconds = scan_seconds
        self._process_seconds = process_seconds
        self._pdf_seconds = pdf_seconds
        self._forgotten: set[str] = set()

    def find(self, submission_id: str) -> Submission:
        """Also one that is marked as deleted. Raises Refusal."""
        submission = self.submissions.get(submission_id)
        if submission is None or submission_id in self._forgotten:
            raise Refusal(404, "There is no such submission.")
        return submission

    def living(self, submission_id: str) -> Submission:
        """One that is not deleted. Raises Refusal; that it is 404 is not documented."""
        submission = self.find(submission_id)
        if submission.status == "DELETED":
            raise Refusal(404, "The submission is deleted.")
        return submission

    def create(self, submission: Submission) -> None:
        if self.eula_required and (self.eula_version, submission.owner) not in self.eulas_accepted:
            raise Refusal(451, f"The owner has not accepted version {self.eula_version} of the EULA.")
        self.submissions[submission.id] = submission

    def upload(self, submission: Submission, content: bytes, filename: str) -> None:
        submission.original = content
        submission.filename = filename
        submission.status = "PROCESSING"
        error = self.coming_errors.pop(0) if self.coming_errors else ""
        self.agenda.after(self._process_seconds, lambda: self._processed(submission, error))

    def _processed(self, submission: Submission, error: str) -> None:
        if submission.status != "PROCESSING":
            return
        submission.status = "ERROR" if error else "COMPLETE"
        submission.error_code = error
        self.webhooks.happened("SUBMISSION_COMPLETE", {**submission.told(), **submission.echoed()})

    def scan(self, submission: Submission, settings: dict[str, Any]) -> None:
        """Generate a report, which costs money: it is counted when it is asked for."""
        if submission.report_status:
            raise Refusal(409, "A similarity report was asked for already.")
        if submission.status != "COMPLETE":
            raise Refusal(self.early_similarity_status, f"The submission is {submission.status}, not COMPLETE.")
        similarity = self._similarities[min(self.scans, len(self._similarities) - 1)]
        self.scans += 1
        submission.scans += 1
        submission.settings = settings
        submission.report_status = "PENDING"
        submission.time_requested = now()
        self.agenda.after(self._scan_seconds / 2, lambda: self._scanning(submission))
        self.agenda.after(self._scan_seconds, lambda: self._scanned(submission, similarity))

    def _scanning(self, submission: Submission) -> None:
        submission.report_status = "PROCESSING"

    def _scanned(self, submission: Submission, similarity: float) -> None:
        if submission.status == "DELETED":
            return
        submission.report_status = "COMPLETE"
        submission.similarity = similarity
        submission.time_generated = now()
        self._tell_report("SIMILARITY_COMPLETE", submission)

    def update(self, submission: Submission, similarity: float) -> None:
        if submission.similarity is None:
            raise ValueError("The report is not complete yet; update it when it is.")
        if not 0 <= similarity <= 1:
            raise ValueError("A similarity is a fraction from 0 to 1, as 0.22.")
        submission.similarity = similarity
        self._tell_report("SIMILARITY_UPDATED", submission)

    def _tell_report(self, event_type: str, submission: Submission) -> None:
        self.webhooks.happened(event_type, {**submission.report(), **submission.echoed()})

    def reported(self, submission: Submission) -> None:
        """Raises Refusal if there is no complete report; that it is 409 is not documented."""
        if submission.report_status != "COMPLETE":
            raise Refusal(409, "There is no complete similarity report.")

    def make_pdf(self, submission: Submission) -> Pdf:
        made = Pdf()
        submission.pdfs[made.id] = made
        fails = self.coming_pdf_failures > 0
        self.coming_pdf_failures -= fails
        self.agenda.after(self._pdf_seconds, lambda: self._made_pdf(submission, made, "FAILED" if fails else "SUCCESS"))
        return made

    def _made_pdf(self, submission: Submission, made: Pdf, status: str) -> None:
        made.status = status
        told = {"id": made.id, "submission_id": submission.id, "status": status, **submission.echoed()}
        self.webhooks.happened("PDF_STATUS", told)

    def viewer(self, submission: Submission) -> str:
        """A token that opens the report's page."""
        token = secrets.token_urlsafe(16)
        self.viewers[token] = submission.id
        return token

    def delete(self, submission: Submission, *, forget: bool) -> None:
        submission.status = "DELETED"
        if forget:
            self._forgotten.add(submission.id)

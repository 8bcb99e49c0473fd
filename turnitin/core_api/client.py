"""Turnitin's Core API 1.0, a method a call: https://developers.turnitin.com/turnitin-core-api

Each method is one attempt, over within `timeout` seconds, and raises AttemptFailed. Repeating is for those who call.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django.conf import settings

from autonomy.providers.attempt import AttemptFailed, Fault
from turnitin.core_api import answers, wire
from turnitin.core_api.answers import Features, LicenceText, Similarity, SubmissionStatus, Webhook
from turnitin.core_api.asked import Acceptance, NewSubmission, ScanSettings
from turnitin.core_api.wire import LicenceNotAccepted, Wire

__all__ = [
    "Acceptance",
    "CoreApi",
    "Features",
    "LicenceNotAccepted",
    "LicenceText",
    "NewSubmission",
    "ScanSettings",
    "Similarity",
    "SubmissionStatus",
    "Webhook",
]

VERSION = "0.1.0"
LARGEST_DOCUMENT = 100 * 2**20  # bytes
LARGEST_PDF = 30 * 2**20  # bytes
ALREADY = frozenset({409})
GONE = frozenset({404})
_NOT_IN_A_FILENAME = re.compile(r"[^A-Za-z0-9._-]+")


class CoreApi:
    def __init__(self, base_url: str, key: str, integration_name: str, integration_version: str = VERSION) -> None:
        self._wire = Wire(base_url.rstrip("/"), key, integration_name.strip(), integration_version)

    @classmethod
    def configured(cls) -> CoreApi:
        """As the settings say; they see to it that address and key are there where the mode is core_api."""
        env = settings.ENV
        key = env.turnitin_api_key.get_secret_value() if env.turnitin_api_key else ""
        return cls(env.turnitin_base_url or "", key, env.turnitin_integration_name)

    # --- the tenant ---

    def features(self, *, timeout: float) -> Features:
        return wire.read(self._wire.send("GET", "/features-enabled", timeout=timeout), answers.features)

    def newest_licence(self, *, timeout: float, language: str = "en-US") -> LicenceText:
        reply = self._wire.send("GET", "/eula/latest", params={"lang": language}, timeout=timeout)
        return wire.read(reply, answers.licence)

    def accept_licence(self, acceptance: Acceptance, *, timeout: float) -> None:
        version = _part(acceptance.version, answers.VERSION, "the licence's version")
        self._wire.send("POST", f"/eula/{version}/accept", json=acceptance.told(), timeout=timeout)

    # --- submissions ---

    def create(self, new: NewSubmission, *, timeout: float) -> str:
        """The id of a registration without a document. Raises LicenceNotAccepted, too."""
        return wire.read(self._wire.send("POST", "/submissions", json=new.told(), timeout=timeout), answers.id_of)

    def upload(self, submission_id: str, filename: str, content: bytes, *, timeout: float) -> None:
        """Also fine where the document is there already."""
        if not 0 < len(content) <= LARGEST_DOCUMENT:
            raise AttemptFailed("the document is empty, or larger than the 100 MB that Turnitin takes", Fault.REFUSED)
        name = _NOT_IN_A_FILENAME.sub("_", filename)[-200:] or "document.docx"
        headers = {"Content-Type": "binary/octet-stream", "Content-Disposition": f'inline; filename="{name}"'}
        path = f"{_submission(submission_id)}/original"
        self._wire.send("PUT", path, content=content, headers=headers, timeout=timeout, fine=ALREADY)

    def submission(self, submission_id: str, *, timeout: float) -> SubmissionStatus:
        """One that Turnitin does not know is deleted."""
        reply = self._wire.send("GET", _submission(submission_id), timeout=timeout, fine=GONE)
        return SubmissionStatus("DELETED") if reply.status == 404 else wire.read(reply, answers.submission)

    # --- similarity ---

    def ask_for_similarity(self, submission_id: str, scan: ScanSettings, *, timeout: float) -> None:
        """Have the document compared, which is paid. Also fine where that was asked before."""
        path = f"{_submission(submission_id)}/similarity"
        self._wire.send("PUT", path, json=scan.told(), timeout=timeout, fine=ALREADY)

    def similarity(self, submission_id: str, *, timeout: float) -> Similarity:
        """Not complete, where Turnitin does not know of any."""
        reply = self._wire.send("GET", f"{_submission(submission_id)}/similarity", timeout=timeout, fine=GONE)
        return Similarity(complete=False, asked=False) if reply.status == 404 else wire.read(reply, answers.similarity)

    def viewer_url(
        self, submission_id: str, *, user_id: str, may_save: bool, timeout: float, locale: str = "en-US"
    ) -> str:
        """Where a browser sees the report, for a short time. Filters that are saved there change its figure."""
        asked = {
            "viewer_user_id": user_id,
            "locale": locale,
            "viewer_default_permission_set": "INSTRUCTOR",
            "similarity": {"view_settings": {"save_changes": may_save}},
        }
        path = f"{_submission(submission_id)}/viewer-url"
        return wire.read(self._wire.send("POST", path, json=asked, timeout=timeout), answers.viewer_url)

    # --- the report as a PDF ---

    def ask_for_pdf(self, submission_id: str, *, timeout: float, locale: str = "en-US") -> str:
        """Its id: it is made in the background."""
        path = f"{_submission(submission_id)}/similarity/pdf"
        return wire.read(self._wire.send("POST", path, json={"locale": locale}, timeout=timeout), answers.id_of)

    def pdf_status(self, submission_id: str, pdf_id: str, *, timeout: float) -> str:
        reply = self._wire.send("GET", f"{_pdf(submission_id, pdf_id)}/status", timeout=timeout)
        return wire.read(reply, answers.pdf_status)

    def pdf(self, submission_id: str, pdf_id: str, *, timeout: float) -> bytes:
        reply = self._wire.send("GET", _pdf(submission_id, pdf_id), timeout=timeout, limit=LARGEST_PDF)
        if not reply.whole:
            raise AttemptFailed("the PDF is larger than 30 MB, and so it is not kept", Fault.REFUSED)
        if not reply.body.startswith(b"%PDF"):
            raise wire.malformed("it is no PDF", reply)
        return reply.body

    # --- webhooks ---

    def webhooks(self, *, timeout: float) -> list[Webhook]:
        return wire.read(self._wire.send("GET", "/webhooks", timeout=timeout), answers.webhooks)

    def register_webhook(self, url: str, secret: str, event_types: Iterable[str], *, timeout: float) -> str | None:
        """Its id; None where the address is registered already, under an id that only the list tells."""
        asked: dict[str, Any] = {"url": url, "signing_secret": secret, "event_types": list(event_types)}
        if not url.startswith("https:"):
            asked["allow_insecure"] = True  # the settings allow that on one machine only
        reply = self._wire.send("POST", "/webhooks", json=asked, timeout=timeout, fine=ALREADY)
        return None if reply.status == 409 else wire.read(reply, answers.id_of)

    def delete_webhook(self, webhook_id: str, *, timeout: float) -> None:
        """Also fine where there is none."""
        path = f"/webhooks/{_part(webhook_id, answers.ID, 'the id of the webhook')}"
        self._wire.send("DELETE", path, timeout=timeout, fine=GONE)


def _submission(submission_id: str) -> str:
    return f"/submissions/{_part(submission_id, answers.ID, 'the id of the submission')}"


def _pdf(submission_id: str, pdf_id: str) -> str:
    return f"{_submission(submission_id)}/similarity/pdf/{_part(pdf_id, answers.ID, 'the id of the PDF')}"


def _part(value: str, form: re.Pattern[str], what: str) -> str:
    """A part of a path, which comes from outside. Raises AttemptFailed where it could lead elsewhere."""
    if not form.fullmatch(value):
        raise AttemptFailed(f"{what} cannot be one of Turnitin's; nothing was sent", Fault.REFUSED)
    return value

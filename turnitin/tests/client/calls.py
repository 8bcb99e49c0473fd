"""Every call of Turnitin's Core API, as tests make it: right, and in all the ways in which it can fail."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from autonomy.providers.attempt import AttemptFailed
from turnitin.core_api.client import Acceptance, CoreApi, NewSubmission, ScanSettings

KEY = "tca-sample-key"
OWNER = "autonomy-7"
RUN, CYCLE = UUID(int=1), UUID(int=2)
WHEN = datetime(2026, 5, 4, 12, 30, tzinfo=timezone(timedelta(hours=2)))
AGREED = Acceptance("v1beta", OWNER, "en-US", WHEN)
SCAN = ScanSettings(("INTERNET", "PUBLICATION"), ("bibliography",))
HOOK = "https://autonomy.example.org/api/v2/turnitin/webhook"
SECRET = "c2FtcGxlIHNlY3JldCBvZiAzMiBieXRlcywgeWVzISE="
ID = "a1b2c3d4-0000-4000-8000-000000000001"
T = 5.0  # seconds for a call


def new(**changed: Any) -> NewSubmission:
    given = {"owner": OWNER, "title": "Sea walls", "cycle_id": CYCLE, "run_id": RUN, "acceptance": None}
    return NewSubmission(**(given | {"submitted_at": WHEN} | changed))


# Each call of the API, by the name the stage has for it.
CALLS: dict[str, Callable[..., Any]] = {
    "GET /features-enabled": lambda api, timeout=T: api.features(timeout=timeout),
    "GET /eula/latest": lambda api, timeout=T: api.newest_licence(timeout=timeout),
    "POST /eula/{version}/accept": lambda api, timeout=T: api.accept_licence(AGREED, timeout=timeout),
    "POST /submissions": lambda api, timeout=T: api.create(new(), timeout=timeout),
    "PUT /submissions/{id}/original": lambda api, timeout=T: api.upload(ID, "a.docx", b"docx", timeout=timeout),
    "GET /submissions/{id}": lambda api, timeout=T: api.submission(ID, timeout=timeout),
    "PUT /submissions/{id}/similarity": lambda api, timeout=T: api.ask_for_similarity(ID, SCAN, timeout=timeout),
    "GET /submissions/{id}/similarity": lambda api, timeout=T: api.similarity(ID, timeout=timeout),
    "POST /submissions/{id}/viewer-url": lambda api, timeout=T: api.viewer_url(
        ID, user_id="mara", may_save=False, timeout=timeout
    ),
    "POST /submissions/{id}/similarity/pdf": lambda api, timeout=T: api.ask_for_pdf(ID, timeout=timeout),
    "GET /submissions/{id}/similarity/pdf/{pdf_id}/status": lambda api, timeout=T: api.pdf_status(
        ID, ID, timeout=timeout
    ),
    "GET /submissions/{id}/similarity/pdf/{pdf_id}": lambda api, timeout=T: api.pdf(ID, ID, timeout=timeout),
    "GET /webhooks": lambda api, timeout=T: api.webhooks(timeout=timeout),
    "POST /webhooks": lambda api, timeout=T: api.register_webhook(HOOK, SECRET, ["PDF_STATUS"], timeout=timeout),
    "DELETE /webhooks/{id}": lambda api, timeout=T: api.delete_webhook(ID, timeout=timeout),
}
SILENT = (
    "POST /eula/{version}/accept",
    "PUT /submissions/{id}/original",
    "PUT /submissions/{id}/similarity",
    "DELETE /webhooks/{id}",
)
TELLING = [call for call in CALLS if call not in SILENT]


def failed(api: CoreApi, call: str, **given: Any) -> AttemptFailed:
    with pytest.raises(AttemptFailed) as caught:
        CALLS[call](api, **given)
    return caught.value

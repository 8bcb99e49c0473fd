"""Where Turnitin tells that something has happened. It is believed as a hint, and for nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import ParseError

from autonomy.api.parsers import json_of
from autonomy.api.raw_body import raw_body
from autonomy.errors import AutonomyError, NotFound, SignatureRefused
from autonomy.telemetry import metrics
from turnitin.core_api import hint, signature
from turnitin.core_api.answers import ID

LARGEST_BODY = 2**20  # bytes; an event has about a thousand
LONGEST_CUSTOM = 1000  # characters; ours has about a hundred

log = structlog.get_logger(__name__)


@csrf_exempt  # it is signed, and comes without a session
def webhook(request: HttpRequest) -> JsonResponse:
    """POST: an event of Turnitin, signed over its raw body.

    Whatever is signed rightly gets 200, also what we do not understand, or what was deleted here: Turnitin would
    repeat it for a day otherwise, and it would be understood no better. All that a good event does is to make its
    submission due; the worker then asks Turnitin itself. So events may be lost, doubled, out of order or replayed
    (the signature has no time in it): a double finds the submission due already, and an old one tells nothing that the
    next look would not tell.
    """
    if request.method != "POST":
        told = {"code": "method_not_allowed", "message": "Only POST is served here.", "details": {}}
        return JsonResponse(told, status=405, headers={"Allow": "POST"})
    try:
        body = _signed_body(request)
    except AutonomyError as error:
        return JsonResponse(error.as_dict(), status=error.http_status)
    event = request.headers.get("X-Turnitin-EventType", "")
    result = _taken(event, body)
    known = event if event in hint.EVENTS else "other"
    metrics.turnitin_webhook(known, result)
    log.info("turnitin_webhook", turnitin_event=known, result=result)
    return JsonResponse({"status": result})


def _signed_body(request: HttpRequest) -> bytes:
    """Raises NotFound, TooLarge and SignatureRefused."""
    secret = settings.ENV.turnitin_webhook_secret
    if settings.ENV.turnitin_mode != "core_api" or secret is None:
        raise NotFound()
    body = raw_body(request, LARGEST_BODY)
    given = request.headers.get("X-Turnitin-Signature", "")
    if not signature.is_right(secret.get_secret_value(), body, given):
        reason = "wrong" if given else "missing"
        metrics.signature_refused("webhook", reason)
        log.warning("signature_refused", door="webhook", reason=reason)
        raise SignatureRefused()
    return body


def _taken(event: str, body: bytes) -> str:
    """What came of it: `hinted`, `unchanged`, `unknown` or `ignored`."""
    if event not in hint.LISTENS:
        return "ignored"
    try:
        told = json_of(body)
    except ParseError:
        return "ignored"
    if not isinstance(told, dict):
        return "ignored"
    turnitin_id = told.get("id" if event == "SUBMISSION_COMPLETE" else "submission_id")
    if not isinstance(turnitin_id, str) or not ID.fullmatch(turnitin_id):
        return "ignored"
    return hint.take(event, turnitin_id, _cycle_of(told))


def _cycle_of(told: Mapping[str, Any]) -> UUID | None:
    """What was told when the submission was made: `{"run": …, "cycle": …}`, as a text within the event."""
    metadata = told.get("metadata")
    custom = metadata.get("custom") if isinstance(metadata, dict) else None
    if not isinstance(custom, str) or len(custom) > LONGEST_CUSTOM:
        return None
    try:
        return UUID(json_of(custom)["cycle"])
    except (ParseError, LookupError, TypeError, ValueError, AttributeError):
        return None

"""Every error of the API in one JSON shape: `{"code", "message", "details"}`."""

from __future__ import annotations

from typing import Any

import structlog
from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.defaults import bad_request, page_not_found, server_error
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

from autonomy.errors import AutonomyError, InvalidInput, NotFound, NotPermitted, SignatureRefused, TooLarge

KEPT_HEADERS = ("WWW-Authenticate", "Retry-After")

log = structlog.get_logger(__name__)


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler. Unknown exceptions stay unknown: Django logs them and answers 500."""
    known = as_autonomy_error(error)
    if known is None:
        return None
    # DRF's own handler adds WWW-Authenticate and Retry-After and rolls the request's transaction back.
    answered = exception_handler(error, context)
    headers = dict(answered.items()) if answered else {}
    kept: dict[str, str] = {name: headers[name] for name in KEPT_HEADERS if name in headers}
    if isinstance(known, SignatureRefused):
        kept["WWW-Authenticate"] = "Signature"
    return Response(known.as_dict(), status=known.http_status, headers=kept)


def as_autonomy_error(error: Exception) -> AutonomyError | None:
    if isinstance(error, AutonomyError):
        return error
    if isinstance(error, RequestDataTooBig | TooManyFilesSent | TooManyFieldsSent):
        return TooLarge()
    if isinstance(error, SuspiciousOperation):
        return InvalidInput("The request is not acceptable.")
    if isinstance(error, Http404):
        return NotFound()
    if isinstance(error, PermissionDenied):
        return NotPermitted()
    if isinstance(error, exceptions.ValidationError):
        return InvalidInput("The request does not fit; details name the fields to mend.", fields=_fields(error.detail))
    if isinstance(error, exceptions.APIException):
        told = AutonomyError(str(error.detail))
        told.http_status = error.status_code
        told.code = str(getattr(error.detail, "code", error.default_code))
        return told
    return None


def _fields(detail: Any) -> dict[str, Any]:
    return detail if isinstance(detail, dict) else {"request": detail}


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404 in the API's shape under /api/, Django's page elsewhere."""
    if request.path_info.startswith("/api/"):
        return JsonResponse(NotFound().as_dict(), status=404)
    return page_not_found(request, exception)


def not_acceptable(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400 (or 413) in the API's shape under /api/, Django's page elsewhere."""
    if request.path_info.startswith("/api/"):
        known = as_autonomy_error(exception) or InvalidInput()
        return JsonResponse(known.as_dict(), status=known.http_status)
    return bad_request(request, exception)


def broken(request: HttpRequest) -> HttpResponse:
    """500 in the API's shape under /api/; the cause is in the log only."""
    if request.path_info.startswith("/api/"):
        message = "Something went wrong on our side; it is in the log."
        return JsonResponse({"code": "error", "message": message, "details": {}}, status=500)
    return server_error(request)

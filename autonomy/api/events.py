"""GET /api/v2/runs/{id}/events: the episodic log as server-sent events."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request
from rest_framework.settings import api_settings

from autonomy.api.errors import as_autonomy_error
from autonomy.episodes.stream import episodes
from autonomy.errors import InvalidInput
from autonomy.models import Run
from autonomy.selectors.runs import run_visible_to


@csrf_exempt  # it only reads; another method gets our 405 and not the page of a failed CSRF check
async def events(request: HttpRequest, run_id: UUID) -> HttpResponseBase:
    """From the first episode, or from the one after Last-Event-ID. Ends when the run has ended.

    A client that comes back after the end gets 204, which tells an EventSource to stop reconnecting.
    """
    if request.method != "GET":
        return JsonResponse(
            {"code": "method_not_allowed", "message": "Only GET is served here.", "details": {}},
            status=405,
            headers={"Allow": "GET"},
        )
    try:
        user, run = await sync_to_async(_user_and_run)(request, run_id)
        after = _last_event_id(request)
    except Exception as error:
        known = as_autonomy_error(error)
        if known is None:
            raise
        headers = {"WWW-Authenticate": "Token"} if known.http_status == 401 else {}
        return JsonResponse(known.as_dict(), status=known.http_status, headers=headers)
    if run.ended and after and after >= run.last_seq:
        return HttpResponse(status=204)
    return StreamingHttpResponse(
        episodes(run.pk, user, min(after, run.last_seq)),
        content_type="text/event-stream",
        headers={"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"},
    )


def _user_and_run(request: HttpRequest, run_id: UUID) -> tuple[Any, Run]:
    """The same authentication as every other view of the API; DRF's own views cannot stream asynchronously."""
    authenticators: Any = api_settings.DEFAULT_AUTHENTICATION_CLASSES  # DRF resolves the dotted names
    asked = Request(request, authenticators=[cls() for cls in authenticators])
    if not asked.user.is_authenticated:
        raise NotAuthenticated()
    return asked.user, run_visible_to(asked.user, run_id)


def _last_event_id(request: HttpRequest) -> int:
    given = request.headers.get("Last-Event-ID") or request.GET.get("lastEventId") or "0"
    if not given.isascii() or not given.isdigit() or len(given) > 9:
        raise InvalidInput(
            "Last-Event-ID must be the number of an episode.", fields={"Last-Event-ID": ["Not a number."]}
        )
    return int(given)

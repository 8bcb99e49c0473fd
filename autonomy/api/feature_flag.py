from __future__ import annotations

from typing import Any

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import Http404, HttpRequest
from django.utils.decorators import sync_and_async_middleware


@sync_and_async_middleware
def enable_autonomy_v2(get_response: Any) -> Any:
    """With ENABLE_AUTONOMY_V2 off nothing exists under /api/v2/, whoever asks."""

    def hidden(request: HttpRequest) -> bool:
        return request.path_info.startswith("/api/v2/") and not settings.ENABLE_AUTONOMY_V2

    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> Any:
            if hidden(request):
                raise Http404
            return await get_response(request)

        return answer_async

    def answer(request: HttpRequest) -> Any:
        if hidden(request):
            raise Http404
        return get_response(request)

    return answer

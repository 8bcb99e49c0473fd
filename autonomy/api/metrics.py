"""`/metrics`: figures for Prometheus, for who brings the token, and for staff who may view runs."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.utils.crypto import constant_time_compare
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from autonomy.errors import NotPermitted
from autonomy.selectors.metrics import InTheDatabase
from autonomy.selectors.providers import breaker_states
from autonomy.telemetry.metrics import Counted, exposition

IN_THE_DATABASE = InTheDatabase(breaker_states)


class MetricsToken(BaseAuthentication):
    """`Authorization: Bearer …` with the token of AUTONOMY_METRICS_TOKEN. Whoever brings it is nobody in particular."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        token = settings.ENV.autonomy_metrics_token
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if token is None or scheme.lower() != "bearer":
            return None
        if not constant_time_compare(given.strip(), token.get_secret_value()):
            raise AuthenticationFailed("The token is not the one of AUTONOMY_METRICS_TOKEN.")
        return request._request.user, self

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class MayReadMetrics(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        if isinstance(request.auth, MetricsToken):
            return True
        if not request.user.is_authenticated:
            return False
        if request.user.is_staff and request.user.has_perm("autonomy.view_run"):
            return True
        raise NotPermitted(permission="autonomy.view_run")


class MetricsView(APIView):
    """GET: everything that is counted, in the text form that the client asks for."""

    http_method_names = ["get", "head"]
    authentication_classes = [MetricsToken, SessionAuthentication]
    permission_classes = [MayReadMetrics]

    def get(self, request: Request) -> HttpResponse:
        told = [Counted(settings.METRICS_DIR.parent), IN_THE_DATABASE]
        text, content_type = exposition(told, request.headers.get("Accept", ""))
        return HttpResponse(text, content_type=content_type, headers={"Cache-Control": "no-store"})

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        # Ours is done in `get`; DRF's would refuse who accepts text only.
        return super().perform_content_negotiation(request, force=True)

"""GET /api/v2/runs/{run_id}/spend: where its money went."""

from __future__ import annotations

from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from autonomy.selectors.runs import run_visible_to
from autonomy.selectors.spend import spend


class SpendView(APIView):
    def get(self, request: Request, run_id: UUID) -> Response:
        return Response(spend(run_visible_to(request.user, run_id)))

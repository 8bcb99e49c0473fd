"""GET /api/v2/runs/{run_id}/checkpoints: where a fork may begin."""

from __future__ import annotations

from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from autonomy.api.verb_serializers import PageSerializer
from autonomy.selectors.checkpoints import checkpoints_of
from autonomy.selectors.runs import run_visible_to


class CheckpointsView(APIView):
    def get(self, request: Request, run_id: UUID) -> Response:
        run = run_visible_to(request.user, run_id)
        page = PageSerializer(data=request.query_params.dict())
        page.is_valid(raise_exception=True)
        return Response(checkpoints_of(run, **page.validated_data))

"""GET /api/v2/runs/{run_id}/diff: what two checkpoints differ in."""

from __future__ import annotations

from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from autonomy.api.verb_serializers import DiffSerializer
from autonomy.selectors.checkpoint_diff import checkpoint_diff, pair
from autonomy.selectors.runs import run_visible_to


class DiffView(APIView):
    def get(self, request: Request, run_id: UUID) -> Response:
        run = run_visible_to(request.user, run_id)
        asked = DiffSerializer(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        return Response(checkpoint_diff(pair(run, asked.validated_data["from"], asked.validated_data["to"])))

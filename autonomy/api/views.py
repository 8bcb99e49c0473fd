from __future__ import annotations

from typing import Any, cast
from uuid import UUID, uuid4

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from autonomy.api.parsers import BoundedJSONParser
from autonomy.api.serializers import StartSerializer
from autonomy.errors import InvalidInput, NotPermitted
from autonomy.selectors.runs import run_visible_to, snapshot
from autonomy.services.start_run import start_run


class RunsView(APIView):
    """POST: start a run."""

    parser_classes = [BoundedJSONParser, MultiPartParser]

    def post(self, request: Request) -> Response:
        asked = StartSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        fields = asked.validated_data
        wanted = uuid4()
        run, job = start_run(
            owner=_owner(request.user, fields["user_id"]),
            journey=fields["journey"],
            task_spec=fields["task_spec"],
            sources=fields["sources"],
            priority=fields["priority"],
            actor=cast(User, request.user),
            scheduled_at=fields["scheduled_at"],
            idempotency_key=request.headers.get("Idempotency-Key"),
            run_id=wanted,
        )
        body = {"run_id": str(run.pk), "job_id": job.pk}
        headers = {"Location": f"/api/v2/runs/{run.pk}"}
        if run.pk != wanted:
            headers["Idempotency-Replayed"] = "true"
        return Response(body, status=201, headers=headers)


class RunView(APIView):
    """GET: the snapshot of a run."""

    def get(self, request: Request, run_id: UUID) -> Response:
        return Response(snapshot(run_visible_to(request.user, run_id)))


def _owner(user: Any, user_id: int | None) -> Any:
    """Staff may start a run for somebody else."""
    if user_id is None or user_id == user.pk:
        return user
    if not user.is_staff:
        raise NotPermitted("Only staff may start a run for another user.", user_id=user_id)
    owner = get_user_model().objects.filter(pk=user_id, is_active=True).first()
    if owner is None:
        raise InvalidInput("There is no such user.", fields={"user_id": ["There is no such user."]})
    return owner

"""What may be asked of a run: POST /api/v2/runs/{run_id}/{verb}."""

from __future__ import annotations

from typing import Any, ClassVar, cast
from uuid import UUID

from django.contrib.auth.models import User
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from autonomy.api import verb_serializers as bodies
from autonomy.api.strict import StrictSerializer
from autonomy.selectors.permission import Act, run_permitted_to
from autonomy.selectors.runs import snapshot
from autonomy.services.cancel_run import cancel_run
from autonomy.services.fork_run import fork_run
from autonomy.services.prioritise_run import prioritise_run
from autonomy.services.raise_budget import raise_budget
from autonomy.services.retry_run import retry_run
from autonomy.services.schedule_run import schedule_run


class VerbView(APIView):
    """Its service is called with the body's fields; the answer is the run's snapshot."""

    act: ClassVar[Act]
    body: ClassVar[type[StrictSerializer]]
    service: ClassVar[Any]

    def post(self, request: Request, run_id: UUID) -> Response:
        run_permitted_to(request.user, run_id, self.act)
        body = self.body(data=request.data)
        body.is_valid(raise_exception=True)
        return self.answer(self.service(run_id=run_id, actor=cast(User, request.user), **body.validated_data))

    def answer(self, done: Any) -> Response:
        return Response(snapshot(done))


class CancelView(VerbView):
    act = "cancel_run"
    body = bodies.ReasonSerializer
    service = staticmethod(cancel_run)


class RetryView(VerbView):
    act = "retry_run"
    body = bodies.ReasonSerializer
    service = staticmethod(retry_run)


class RaiseBudgetView(VerbView):
    act = "raise_budget"
    body = bodies.RaiseBudgetSerializer
    service = staticmethod(raise_budget)


class ScheduleView(VerbView):
    act = "schedule_run"
    body = bodies.ScheduleSerializer
    service = staticmethod(schedule_run)


class PriorityView(VerbView):
    act = "schedule_run"
    body = bodies.PrioritySerializer
    service = staticmethod(prioritise_run)


class ForkView(VerbView):
    act = "fork_run"
    body = bodies.ForkSerializer
    service = staticmethod(fork_run)

    def answer(self, done: Any) -> Response:
        fork, job = done
        body = {"run_id": str(fork.pk), "job_id": job.pk}
        return Response(body, status=201, headers={"Location": f"/api/v2/runs/{fork.pk}"})

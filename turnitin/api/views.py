from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.contrib.auth.models import User
from django.http import FileResponse
from rest_framework.authentication import SessionAuthentication, TokenAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from autonomy.api.parsers import json_of
from autonomy.api.raw_body import must_be_json, raw_body
from autonomy.errors import NotFound, NotPermitted
from autonomy.models import Run
from autonomy.selectors.runs import run_visible_to
from turnitin.api.serializers import DeliverySerializer
from turnitin.api.signed_delivery import LARGEST, SignedDelivery
from turnitin.core_api.viewer import viewer_url
from turnitin.deliver_report import deliver_report
from turnitin.documents import CONTENT_TYPES, download, download_report, has_report_pdf
from turnitin.models import Cycle, Report


class MayDeliver(BasePermission):
    """Whoever has signed the delivery, and accounts with the permission turnitin.deliver_report."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if isinstance(request.auth, SignedDelivery):
            return True
        if not request.user.is_authenticated:
            return False
        if not request.user.has_perm("turnitin.deliver_report"):
            run_visible_to(request.user, view.kwargs["run_id"])
            raise NotPermitted(permission="turnitin.deliver_report")
        return True


class ReportView(APIView):
    """POST: deliver an originality report."""

    authentication_classes = [SignedDelivery, TokenAuthentication, SessionAuthentication]
    permission_classes = [MayDeliver]

    def post(self, request: Request, run_id: UUID) -> Response:
        must_be_json(request)
        delivery = DeliverySerializer(data=json_of(raw_body(request._request, LARGEST)))
        delivery.is_valid(raise_exception=True)
        signed = isinstance(request.auth, SignedDelivery)
        report = deliver_report(
            run_id=run_id,
            via=Report.Via.SIGNED if signed else Report.Via.API,
            actor=None if signed else cast(User, request.user),
            **delivery.validated_data,
        )
        return Response(_receipt(report))


def _receipt(report: Report) -> dict[str, Any]:
    """The answer to a delivery; made of what does not change afterwards, so that a double gets the same."""
    return {
        "run_id": str(report.cycle.run_id),
        "cycle_id": str(report.cycle_id),
        "number": report.cycle.number,
        "state": report.cycle_state,
        "target_similarity": report.cycle.target_similarity,
        "observed_similarity": report.observed_similarity,
        "resume_job_id": report.resume_job_id,
        "received_at": report.received_at.isoformat(),
    }


class DocumentView(APIView):
    """GET: the document of one hand-off, as Markdown, DOCX or PDF."""

    def get(self, request: Request, run_id: UUID, number: int, ending: str) -> FileResponse:
        run = run_visible_to(request.user, run_id)
        cycle = _cycle(run, number) if ending in CONTENT_TYPES else None
        if cycle is None:
            raise NotFound("The run has no such document.", number=number)
        try:
            return download(cycle, ending)
        except (OSError, ValueError):
            raise NotFound("The document is not in the store any more.", number=number) from None


class ReportPdfView(APIView):
    """GET: Turnitin's report as a PDF, as it was when it was delivered."""

    def get(self, request: Request, run_id: UUID, number: int) -> FileResponse:
        cycle = _cycle(run_visible_to(request.user, run_id), number)
        if cycle is None or not has_report_pdf(cycle):
            raise NotFound("There is no PDF of this report.", number=number)
        try:
            return download_report(cycle)
        except (OSError, ValueError):
            raise NotFound("The PDF is not in the store any more.", number=number) from None


class ViewerView(APIView):
    """POST: a link to the report in Turnitin's viewer, for whoever may see the run."""

    def post(self, request: Request, run_id: UUID, number: int) -> Response:
        cycle = _cycle(run_visible_to(request.user, run_id), number)
        if cycle is None:
            raise NotFound("The run has no such hand-off.", number=number)
        return Response({"viewer_url": viewer_url(cycle, cast(User, request.user))})


def _cycle(run: Run, number: int) -> Cycle | None:
    return Cycle.objects.filter(run=run, number=number).first() if number < 2**15 else None

"""`manage.py deliver_report`: enter an originality report by hand."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from autonomy.errors import AutonomyError
from turnitin.api.serializers import DeliverySerializer
from turnitin.deliver_report import deliver_report
from turnitin.models import Cycle, Report


class Command(BaseCommand):
    help = "Deliver an originality report for the hand-off a run waits for."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run_id", type=UUID)
        parser.add_argument("--similarity", type=float, required=True, help="A fraction: 0.15 for 15 percent.")
        parser.add_argument("--url", required=True, help="Where the report is to be seen, https://…")

    def handle(self, *args: Any, run_id: UUID, similarity: float, url: str, **options: Any) -> None:
        cycle = Cycle.objects.filter(run_id=run_id, state__in=Cycle.OPEN, withdrawn_at=None).first()
        if cycle is None:
            raise CommandError("This run does not wait for a report.")
        delivery = DeliverySerializer(data={"cycle_id": cycle.pk, "report_url": url, "observed_similarity": similarity})
        if not delivery.is_valid():
            raise CommandError(" ".join(str(error) for errors in delivery.errors.values() for error in errors))
        try:
            report = deliver_report(run_id=run_id, via=Report.Via.COMMAND, actor=None, **delivery.validated_data)
        except AutonomyError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"hand-off {cycle.number}: {report.cycle_state}")

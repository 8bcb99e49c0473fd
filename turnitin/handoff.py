"""How a run hands its document to Turnitin: autonomy's HandOff port, named in the setting AUTONOMY_HANDOFF."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from autonomy.models import Run
from autonomy.ports import Document
from autonomy.runtime.unit_of_work import UnitOfWork
from autonomy.tools.document import to_docx, to_readable
from turnitin import cycles
from turnitin.models import Cycle, Submission


class TurnitinHandOff:
    """Serves one superstep of one run; what it changes in the database is committed with that superstep."""

    def __init__(self, run: Run, unit: UnitOfWork) -> None:
        self._run = run
        self._unit = unit

    def open(self, document: Document) -> dict[str, Any]:
        """Write the document's files and open its cycle. Files come first: a file without a cycle harms nobody."""
        cycle = Cycle.objects.filter(run=self._run, number=document.number).first()
        if cycle is None:
            cycle = Cycle(
                id=uuid4(), run=self._run, number=document.number, target_similarity=self._run.target_similarity
            )
            cycle.markdown.name = self._save(document.number, "md", _markdown(document))
            cycle.docx.name = self._save(document.number, "docx", to_docx(document.markdown, document.references))
            opened = cycle
            self._unit.effect(lambda: opened.save(force_insert=True))
            if settings.ENV.turnitin_mode == "core_api":
                self._unit.effect(lambda: Submission(cycle=opened, due_at=timezone.now()).save(force_insert=True))
            self._unit.note(
                "cycle_opened",
                f"The document is ready for Turnitin (hand-off {cycle.number}); the run waits for its report.",
                cycle_id=str(cycle.pk),
                number=cycle.number,
                markdown=cycle.markdown.name,
                docx=cycle.docx.name,
            )
        return {
            "cycle_id": str(cycle.pk),
            "number": cycle.number,
            "markdown": cycle.markdown.name,
            "docx": cycle.docx.name,
        }

    def answer(self, cycle_id: str) -> dict[str, Any] | None:
        ready = Cycle.objects.filter(pk=cycle_id, run=self._run, state=Cycle.State.REPORT_READY)
        cycle = ready.select_related("report").first()
        if cycle is None or cycle.report is None:
            return None
        return {
            "cycle_id": str(cycle.pk),
            "number": cycle.number,
            "report_url": cycle.report.report_url,
            "observed_similarity": cycle.observed_similarity,
            "top_matches": cycle.report.top_matches,
        }

    def accept(self, cycle_id: str) -> None:
        self._close(cycle_id, Cycle.State.ACCEPTED)

    def reject(self, cycle_id: str) -> None:
        self._close(cycle_id, Cycle.State.REJECTED)

    def _close(self, cycle_id: str, state: str) -> None:
        # A fork may judge the report of the run it comes from; that run's cycle is not the fork's to close.
        if Cycle.objects.filter(pk=cycle_id, run=self._run).exists():
            self._unit.effect(lambda: cycles.close(cycle_id, state))

    @staticmethod
    def describe(run_id: UUID) -> dict[str, Any] | None:
        """The run's newest cycle for a snapshot, or None before the first hand-off."""
        cycle = Cycle.objects.filter(run_id=run_id).order_by("-number").first()
        return cycles.describe(cycle) if cycle else None

    @staticmethod
    def has_report(run_id: UUID, cycle_id: str) -> bool:
        """Whether the run's interrupt for this cycle can be answered."""
        return Cycle.objects.filter(pk=cycle_id, run_id=run_id, state=Cycle.State.REPORT_READY).exists()

    @staticmethod
    def withdraw(run_id: UUID) -> None:
        """The run was cancelled, in the transaction that calls this."""
        cycles.withdraw(run_id)

    @staticmethod
    def take_up(run_id: UUID) -> None:
        """The run had ended and goes on, in the transaction that calls this: what it waits for is looked for again."""
        cycles.take_up(run_id)

    def _save(self, number: int, ending: str, content: bytes) -> str:
        # A repeated attempt writes the same name again: the storage overwrites.
        return default_storage.save(f"{self._run.pk}/draft-{number}.{ending}", ContentFile(content))


def _markdown(document: Document) -> bytes:
    return to_readable(document.markdown, document.references).encode()

"""Migration 0003 on a database that holds cycles in every state: there, back, and there again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from autonomy.tests.factories import RunFactory
from turnitin.models import Cycle, Report

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE, AFTER = [("turnitin", "0002_withdrawn_cycles")], [("turnitin", "0003_strict_cycles")]


def migrated(to: list[tuple[str, str]]) -> Any:
    executor = MigrationExecutor(connection)
    executor.migrate(to)
    return executor.loader.project_state(to).apps


@pytest.fixture
def before() -> Iterator[Any]:
    """The models as they were, on tables as they were."""
    yield migrated(BEFORE)
    call_command("migrate", "turnitin", verbosity=0)


def states(model: Any) -> dict[str, tuple[Any, ...]]:
    return {
        str(one.pk): (one.state, one.observed_similarity, one.report_at, one.closed_at, one.withdrawn_at)
        for one in model.objects.all()
    }


def test_cycles_in_every_state_keep_what_they_were_and_get_the_report_that_counted(before):
    old_cycle, old_report = before.get_model("turnitin", "Cycle"), before.get_model("turnitin", "Report")
    now, runs = timezone.now(), {}

    def cycle(state: str, figure: float | None, *deliveries: tuple[str, float | None, bool], **fields: Any) -> Any:
        run = RunFactory()
        given = {"report_at": None if figure is None else now, "observed_similarity": figure} | fields
        made = old_cycle.objects.create(
            id=uuid4(), run_id=run.pk, number=1, target_similarity=0.15, state=state, **given
        )
        runs[made.pk] = [
            old_report.objects.create(
                cycle=made,
                report_url=f"https://reports.example.org/{address}",
                observed_similarity=delivered,
                cycle_state=state,
                too_late=late,
            ).pk
            for address, delivered, late in deliveries
        ]
        return made.pk

    counted = {
        cycle("awaiting_report", None): None,
        cycle("awaiting_report", None, ("1", None, False)): None,
        cycle("awaiting_report", None, withdrawn_at=now): None,
        cycle("report_ready", 0.1, ("1", 0.1, False)): 0,
        cycle("report_ready", 0.5, ("1", 0.1, False), ("1", None, False), ("2", 0.5, False), ("3", 0.5, True)): 2,
        cycle("report_ready", 0.1, ("1", 0.1, False), withdrawn_at=now): 0,
        cycle("accepted", 0.1, ("1", 0.5, False), ("1", 0.1, False), ("2", 0.1, True), closed_at=now): 1,
        cycle("rejected", 0.5, ("1", 0.5, False), ("2", 0.1, True), closed_at=now): 0,
    }
    kept = states(old_cycle)
    migrated(AFTER)
    assert states(Cycle) == kept
    for pk, place in counted.items():
        assert Cycle.objects.get(pk=pk).report_id == (None if place is None else runs[pk][place])
    assert set(Report.objects.values_list("via", flat=True)) == {"api"}

    migrated(BEFORE)
    assert states(old_cycle) == kept
    migrated(AFTER)
    assert states(Cycle) == kept

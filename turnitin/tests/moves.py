"""Cycles in any state, by the legal steps: the database refuses every other way."""

from __future__ import annotations

from typing import Any

from autonomy.models import Job
from turnitin import cycles
from turnitin.models import Cycle, Report

ADDRESS = "https://reports.example.org/1"


def report_of(cycle: Cycle, **fields: Any) -> Report:
    """A row of the inbox, which changes nothing by itself."""
    given = {"report_url": ADDRESS, "observed_similarity": 0.1, "cycle_state": cycle.state} | fields
    return Report.objects.create(cycle=cycle, **given)


def made_ready(cycle: Cycle, job: Job | None = None, **fields: Any) -> Report:
    report = report_of(cycle, **fields)
    cycles.mark_ready(report, job)
    cycle.refresh_from_db()
    return report


def judged(cycle: Cycle, state: str = "accepted", job: Job | None = None, **fields: Any) -> Report:
    report = made_ready(cycle, job, **fields)
    cycles.close(cycle.pk, state)
    cycle.refresh_from_db()
    return report

"""What is done to hand-offs in the console is in the admin's log, and a delivery in the run's episodes too."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from autonomy.models import Episode
from autonomy.tests.test_console_log import entries
from turnitin.models import Cycle, Submission
from turnitin.tests.moves import judged
from turnitin.tests.test_console import delivery, form, waiting_cycle

pytestmark = pytest.mark.django_db


@pytest.fixture
def cycle() -> Cycle:
    return waiting_cycle()


def test_a_delivery_and_its_correction(boss: Client, superuser: User, cycle: Cycle) -> None:
    boss.post(form(cycle), delivery())
    boss.post(form(cycle), delivery())  # a double changes nothing
    boss.post(form(cycle), delivery(observed_similarity="0.05"))
    figures = ("0.11\u00a0(11\u00a0%)", "0.05\u00a0(5\u00a0%)")
    words = [(CHANGE, "cycle", "hand-off 1", f"Delivered a report: similarity {figure}.") for figure in figures]
    assert entries(superuser) == words
    assert set(LogEntry.objects.values_list("object_id", flat=True)) == {str(cycle.pk)}
    episodes = Episode.objects.filter(run=cycle.run_id, kind="report_received")
    assert list(episodes.values_list("actor", flat=True)) == [superuser.pk] * 2


def test_a_delivery_that_is_too_late(boss: Client, superuser: User, cycle: Cycle) -> None:
    judged(cycle)
    boss.post(form(cycle), delivery())
    assert entries(superuser) == [
        (CHANGE, "cycle", "hand-off 1", "Delivered a report too late: similarity 0.11\u00a0(11\u00a0%).")
    ]


def test_asking_turnitin_now(boss: Client, superuser: User, cycle: Cycle, env: Any) -> None:
    one = Submission.objects.create(
        cycle=cycle, state="scanning", turnitin_id="7", due_at=timezone.now() + timedelta(hours=1)
    )
    address = f"/admin/turnitin/submission/{one.pk}/ask/"
    boss.post(address)
    assert not LogEntry.objects.exists(), "nobody is asked while reports are delivered by hand"
    env(turnitin_mode="core_api")
    boss.post(address)
    assert entries(superuser) == [(CHANGE, "submission", "submission of hand-off 1", "Had Turnitin asked now.")]

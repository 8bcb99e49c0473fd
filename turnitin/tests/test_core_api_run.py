"""Runs in the Core API mode, from their start to their end, with Turnitin's stage at the other side."""

from __future__ import annotations

import pytest

from autonomy.models import Episode, Job, ProviderCall
from turnitin.models import Cycle, Report, Submission

pytestmark = pytest.mark.django_db(transaction=True)


def kinds(run):
    return list(Episode.objects.filter(run=run).order_by("seq").values_list("kind", flat=True))


def submission(run):
    return Submission.objects.filter(cycle__run=run).latest("cycle__number")


@pytest.fixture
def handed_off(at_turnitin, model, start, work):
    """A run that waits, and whose document is due at Turnitin."""
    run = start()
    work()
    run.refresh_from_db()
    assert run.status == "waiting_human"
    return run


def test_with_every_webhook_lost_the_poll_takes_the_run_to_its_end(handed_off, at_turnitin, poll, work):
    at_turnitin.webhooks.lost = True
    poll(4)
    work()
    handed_off.refresh_from_db()
    print(kinds(handed_off), submission(handed_off).__dict__)
    assert (handed_off.status, handed_off.outcome) == ("done", "accepted")
    assert at_turnitin.scans == 1
    calls = ProviderCall.objects.filter(run=handed_off, kind="similarity")
    assert set(calls.values_list("provider", "node", "outcome", "usd")) == {("turnitin", "turnitin", "ok", 0)}

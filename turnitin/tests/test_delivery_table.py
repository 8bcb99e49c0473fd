"""What comes of each delivery in each state a cycle and its run can be in. Every cell of the table is a test."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from pydantic import SecretStr

from autonomy.models import Episode, Job, Run
from autonomy.runtime import queue, recovery, step
from autonomy.services.cancel_run import cancel_run
from autonomy.services.retry_run import retry_run
from autonomy.tests.factories import UserFactory
from turnitin.models import Cycle, Report
from turnitin.tests import callers
from turnitin.tests.callers import SECRET

pytestmark = pytest.mark.django_db(transaction=True)

# answer, the cycle's state afterwards (None: as before), new jobs, new episodes
MEANINGS = {
    "resumes": (200, "report_ready", 1, ["report_received"]),
    "is kept": (200, "report_ready", 0, ["report_received"]),  # the run has failed, and finds it when it is retried
    "corrects": (200, "report_ready", 0, ["report_received"]),
    "is told": (200, None, 0, ["report_incomplete"]),
    "nothing": (200, None, 0, []),
    "late": (409, None, 0, ["report_too_late"]),
    "stale": (409, None, 0, []),  # it was told before
    "unknown": (404, None, 0, []),
}

# Each event is another delivery than the one that made the cycle ready, but for the first column: there it comes again.
TABLE = """
state              | again   | new      | address  | figure   | bare    | bare again | figure then | foreign | signed
awaiting           | nothing | resumes  | resumes  | resumes  | is told | nothing    | resumes     | unknown | resumes
ready, job queued  | nothing | corrects | corrects | corrects | is told | nothing    | corrects    | unknown | corrects
ready, job running | nothing | late     | late     | late     | late    | stale      | late        | unknown | late
consumed           | nothing | late     | late     | late     | late    | stale      | late        | unknown | late
accepted           | nothing | late     | late     | late     | late    | stale      | late        | unknown | late
rejected           | nothing | late     | late     | late     | late    | stale      | late        | unknown | late
withdrawn          | stale   | late     | late     | late     | late    | stale      | late        | unknown | late
ready, withdrawn   | nothing | late     | late     | late     | late    | stale      | late        | unknown | late
awaiting, failed   | nothing | is kept  | is kept  | is kept  | is told | nothing    | is kept     | unknown | is kept
ready, failed      | nothing | corrects | corrects | corrects | is told | nothing    | corrects    | unknown | corrects
awaiting, retried  | nothing | resumes  | resumes  | resumes  | is told | nothing    | resumes     | unknown | resumes
ready, retried     | nothing | corrects | corrects | corrects | is told | nothing    | corrects    | unknown | corrects
"""
_HEAD, *_ROWS = [[cell.strip() for cell in line.split("|")] for line in TABLE.strip().splitlines()]
CELLS = [(row[0], event, row[place]) for row in _ROWS for place, event in enumerate(_HEAD[1:], start=1)]

EVENTS: dict[str, dict[str, Any]] = {
    "again": {},
    "new": {"report_url": "https://reports.example.org/2", "observed_similarity": 0.05},
    "address": {"report_url": "https://reports.example.org/2"},
    "figure": {"observed_similarity": 0.05},
    "bare": {"observed_similarity": None},
    "bare again": {"observed_similarity": None},
    "figure then": {"observed_similarity": 0.05},
    "foreign": {"cycle_id": str(uuid4())},
    "signed": {"report_url": "https://reports.example.org/2", "observed_similarity": 0.05},
}
# What comes first, and is not looked at.
BEFORE: dict[str, dict[str, Any]] = {
    "again": {},
    "bare again": {"observed_similarity": None},
    "figure then": {"observed_similarity": None},
}


def lose_every_worker() -> None:
    while Job.objects.filter(state="queued").exists():
        Job.objects.update(scheduled_at=timezone.now())
        queue.claim()
        Job.objects.filter(state="running").update(lease_expires_at=timezone.now() - timedelta(seconds=1))
        recovery.recover()


@pytest.fixture
def cycle_in(quick, work, env):
    """A cycle in one of the table's states."""

    def made(state: str) -> Cycle:
        env(turnitin_delivery_secret=SecretStr(SECRET), autonomy_job_attempts=1)
        figure = 0.5 if state == "rejected" else 0.1
        run = quick()
        work()
        cycle = Cycle.objects.get(run=run)
        what, _, then = state.partition(", ")
        if what not in ("awaiting", "withdrawn"):
            assert callers.deliver(callers.uploading(), cycle, observed_similarity=figure).status_code == 200
        if then == "job running":
            assert queue.claim()
        elif what == "consumed":
            env(autonomy_slice_seconds=0)
            step.execute(queue.claim())
        elif what in ("accepted", "rejected"):
            work()
        elif "withdrawn" in state:
            cancel_run(run_id=run.pk, actor=UserFactory())
        elif then in ("failed", "retried"):
            queue.enqueue_resume(run.pk)
            lose_every_worker()
            if then == "retried":
                retry_run(run_id=run.pk, actor=UserFactory())
        cycle.refresh_from_db()
        return cycle

    return made


def is_so(state: str, cycle: Cycle) -> bool:
    """Whether the cycle and its run are what the table calls them."""
    run = Run.objects.get(pk=cycle.run_id)
    live = list(Job.objects.filter(run=run, state__in=["queued", "running"]).values_list("kind", "state"))
    facts = (cycle.state, cycle.withdrawn_at is not None, run.status, run.route, live)
    return (
        facts
        == {
            "awaiting": ("awaiting_report", False, "waiting_human", "turnitin_pause", []),
            "ready, job queued": ("report_ready", False, "queued", "turnitin_pause", [("resume", "queued")]),
            "ready, job running": ("report_ready", False, "running", "turnitin_pause", [("resume", "running")]),
            "consumed": ("report_ready", False, "queued", "critic", [("continue", "queued")]),
            "accepted": ("accepted", False, "done", "END", []),
            "rejected": ("rejected", False, "waiting_human", "turnitin_pause", []),
            "withdrawn": ("awaiting_report", True, "cancelled", "turnitin_pause", []),
            "ready, withdrawn": ("report_ready", True, "cancelled", "turnitin_pause", []),
            "awaiting, failed": ("awaiting_report", False, "failed", "turnitin_pause", []),
            "ready, failed": ("report_ready", False, "failed", "turnitin_pause", []),
            "awaiting, retried": ("awaiting_report", False, "waiting_human", "turnitin_pause", []),
            "ready, retried": ("report_ready", False, "queued", "turnitin_pause", [("resume", "queued")]),
        }[state]
    )


@pytest.mark.parametrize(("state", "event", "meaning"), CELLS)
def test_a_delivery_is_answered_and_acted_on_as_the_table_says(cycle_in, state, event, meaning):
    cycle = cycle_in(state)
    assert is_so(state, cycle)
    # In the state `rejected` the delivery that made the cycle ready had another figure.
    first = {"observed_similarity": 0.5} if state == "rejected" else {}
    client = callers.uploading()
    if event in BEFORE:
        callers.deliver(client, cycle, **first | BEFORE[event])
    cycle.refresh_from_db()
    before = (cycle.state, cycle.observed_similarity, cycle.report_id)
    seq, jobs = Run.objects.get(pk=cycle.run_id).last_seq, Job.objects.count()
    inbox = Report.objects.count()

    if event == "signed":
        answer = callers.deliver_signed(cycle, **EVENTS[event])
    else:
        answer = callers.deliver(client, cycle, **first | EVENTS[event])

    cycle.refresh_from_db()
    status, state_after, new_jobs, kinds = MEANINGS[meaning]
    told = Episode.objects.filter(run=cycle.run_id, seq__gt=seq).order_by("seq")
    assert answer.status_code == status
    assert cycle.state == (state_after or before[0])
    assert Job.objects.count() - jobs == new_jobs
    assert [episode.kind for episode in told] == kinds
    if status == 200:
        assert answer.json()["state"] == cycle.state or event == "again"
    if status == 409:
        assert (answer.json()["code"], answer.json()["details"]["state"]) == ("conflict", cycle.state)
    if meaning in ("resumes", "is kept", "corrects"):
        newest = Report.objects.latest("pk")
        assert (cycle.report, cycle.observed_similarity) == (newest, newest.observed_similarity)
        assert bool(told[0].data.get("corrected")) == (meaning == "corrects")
    else:
        assert (cycle.state, cycle.observed_similarity, cycle.report_id) == before
    if meaning == "resumes":
        assert cycle.resume_job == Job.objects.latest("pk")
    # Whatever is new and meant for this cycle stands in the inbox, also when it came too late.
    once = meaning in ("nothing", "unknown") or event in ("again", "bare again")
    assert Report.objects.count() - inbox == (0 if once else 1)

"""What Turnitin can cost us is bounded: calls in one turn, processes at once, the time of one question."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connections
from django.db.models import F
from django.utils import timezone

from autonomy.models import Run
from autonomy.services.retry_run import retry_run
from turnitin.core_api import claim
from turnitin.models import Submission
from turnitin.tests.test_core_api_failures import CREATE, SIMILARITY, assert_ended_well
from turnitin.tests.test_core_api_run import submission

pytestmark = pytest.mark.django_db(transaction=True)


def fails(run: Run) -> None:
    """As a superstep after the hand-off ends in an error."""
    Run.objects.filter(pk=run.pk).update(
        status="failed", outcome="failed", reason="an error of our own", ended_at=timezone.now()
    )


def test_a_comparison_that_turnitin_knows_nothing_of_is_asked_for_once_a_turn(handed_off, at_turnitin, poll, work):
    at_turnitin.tenant._scan_seconds = 60
    poll(2)
    assert submission(handed_off).state == "scanning"
    Submission.objects.update(uploaded_at=F("uploaded_at") - timedelta(minutes=11))
    before = len(at_turnitin.requests)
    at_turnitin.fail(SIMILARITY, *[404] * 40)
    poll()
    asked = [f"{one.method} {one.path.rsplit('/', 1)[-1]}" for one in at_turnitin.requests[before:]]
    assert asked.count("PUT similarity") == 1
    assert len(asked) < 8
    assert submission(handed_off).due_at


def test_a_run_that_failed_before_the_upload_has_it_done_once_it_is_retried(handed_off, at_turnitin, poll, work):
    fails(handed_off)
    poll()
    assert (submission(handed_off).state, at_turnitin.requests) == ("dropped", [])
    retry_run(run_id=handed_off.pk, actor=handed_off.user)
    work()
    handed_off.refresh_from_db()
    assert handed_off.status == "waiting_human"
    poll(3)
    work()
    assert_ended_well(handed_off, at_turnitin)


@pytest.fixture
def two_due(at_turnitin, model, start, work):
    runs = [start(), start()]
    work()
    return runs


@pytest.mark.parametrize(("processes", "at_once"), [(1, 1), (2, 1), (3, 1), (4, 2)])
def test_a_slow_turnitin_leaves_processes_to_the_runs(two_due, env, processes, at_once):
    env(autonomy_worker_concurrency=processes)
    claims = [claim.claim_next() for _ in range(3)]
    assert [bool(one) for one in claims] == [n < at_once for n in range(3)]
    claim.release(claims[0], 60.0)
    assert bool(claim.claim_next()) == (at_once == 1), "the next has its turn, and what was given back is not due"


def test_those_who_claim_at_the_same_moment_do_not_go_together(two_due):
    together = Barrier(4)

    def try_it(_):
        try:
            together.wait()
            return claim.claim_next()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        assert sum(one is not None for one in pool.map(try_it, range(4))) == 1


def test_a_worker_that_died_does_not_keep_the_others_from_their_turns(two_due):
    assert claim.claim_next()
    assert claim.claim_next() is None
    Submission.objects.exclude(lease_token=None).update(lease_expires_at=timezone.now())
    assert claim.claim_next()


def test_no_process_is_held_as_long_as_a_question_of_a_run_may_take(handed_off, at_turnitin, poll, env, monkeypatch):
    env(autonomy_provider_timeout=600.0, autonomy_provider_deadline=3600.0, autonomy_provider_attempts=10)
    monkeypatch.setattr("turnitin.core_api.turn.LONGEST_CALL", 1.0)
    monkeypatch.setattr("turnitin.core_api.line.LONGEST_CALL", 0.4)
    at_turnitin.fail(CREATE, *["timeout"] * 10)
    began = time.monotonic()
    poll()
    assert time.monotonic() - began < 3
    assert submission(handed_off).failures == 1

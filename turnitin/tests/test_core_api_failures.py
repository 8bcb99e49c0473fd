"""Whatever goes wrong between here and Turnitin: each document is scanned once, and the run comes to its end."""

from __future__ import annotations

import os
import signal
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from autonomy.models import ProviderCall, Run
from autonomy.providers import off
from autonomy.providers.breaker import breaker
from autonomy.services.cancel_run import cancel_run
from autonomy.tests.test_run_from_start_to_end import assert_gapless, deliver, kinds
from autonomy.tests.test_worker import assert_told_completely, celery, start_samples, status, wait_until
from turnitin.core_api import claim, licences, trouble, worker
from turnitin.models import Cycle, Submission
from turnitin.tests.test_core_api_run import resumes, scanned, submission, told

__all__ = ["celery"]

pytestmark = pytest.mark.django_db(transaction=True)

CREATE, UPLOAD, STATUS = "POST /submissions", "PUT /submissions/{id}/original", "GET /submissions/{id}"
ASK, SIMILARITY = "PUT /submissions/{id}/similarity", "GET /submissions/{id}/similarity"
PDF, PDF_STATUS = "POST /submissions/{id}/similarity/pdf", "GET /submissions/{id}/similarity/pdf/{pdf_id}/status"
GET_PDF = "GET /submissions/{id}/similarity/pdf/{pdf_id}"
AWAITED, LATER = [CREATE, UPLOAD, STATUS, ASK, SIMILARITY], [PDF, PDF_STATUS, GET_PDF]


def assert_ended_well(run, stage):
    run.refresh_from_db()
    row = submission(run)
    assert (run.status, run.outcome) == ("done", "accepted")
    assert (row.state, row.failures, row.trouble, row.due_at) == ("complete", 0, "", None)
    assert row.pdf
    sent = [one for one in stage.submissions.values() if one.original]
    assert len(sent) == 1, "uploaded once"
    assert (stage.scans, resumes(run)) == (1, 1)
    assert_gapless(run)


@pytest.mark.parametrize("fault", ["drop", "reset", "timeout", 429, 500, 503])
@pytest.mark.parametrize("operation", [*AWAITED, *LATER])
def test_a_step_that_fails_once_is_made_good_in_the_next_turn(
    handed_off, at_turnitin, poll, work, env, operation, fault
):
    env(autonomy_provider_attempts=1, autonomy_provider_timeout=0.5)
    at_turnitin.fail(operation, fault)
    poll(1 if operation in [*AWAITED, PDF] else 2)
    row = submission(handed_off)
    assert (row.failures, bool(row.trouble)) == (1, True)
    told_before = [message for message in told(handed_off, "turnitin_trouble") if "registered" not in message]
    assert len(told_before) == (1 if operation in AWAITED else 0), "a run that has its report has no trouble"
    poll(3)
    work()
    assert_ended_well(handed_off, at_turnitin)


@pytest.mark.parametrize("operation", [*AWAITED, *LATER])
def test_an_answer_that_is_lost_is_asked_for_again_in_the_same_turn(handed_off, at_turnitin, poll, work, operation):
    at_turnitin.fail(operation, "drop")
    poll(3)
    work()
    assert_ended_well(handed_off, at_turnitin)
    assert len(told(handed_off, "retry")) == (1 if operation in AWAITED else 0)
    unsure = [message for message in told(handed_off, "turnitin_trouble") if "empty registration" in message]
    assert len(unsure) == (operation == CREATE)
    if operation == UPLOAD:
        uploads = [request for request in at_turnitin.requests if request.path.endswith("/original")]
        assert len(uploads) == 1, "Turnitin was asked first whether it has the document"


@pytest.mark.parametrize("operation", [CREATE, STATUS, SIMILARITY, PDF, PDF_STATUS, GET_PDF])
def test_an_answer_that_cannot_be_understood_is_asked_for_again(handed_off, at_turnitin, poll, work, operation):
    at_turnitin.fail(operation, "garbage")
    poll(4)
    work()
    assert_ended_well(handed_off, at_turnitin)


@pytest.mark.parametrize("operation", [UPLOAD, ASK])
def test_what_was_taken_and_never_arrived_is_sent_again_later(handed_off, at_turnitin, poll, work, operation):
    at_turnitin.fail(operation, "garbage")
    poll(2)
    assert at_turnitin.scans == 0
    Submission.objects.update(uploaded_at=F("uploaded_at") - timedelta(minutes=11))
    poll(3)
    work()
    assert_ended_well(handed_off, at_turnitin)


class Killed(BaseException):
    """As a worker dies: nothing is caught, nothing written."""


@pytest.mark.parametrize("moment", range(1, 18))
def test_a_worker_that_is_killed_at_any_moment_costs_no_second_scan(
    handed_off, at_turnitin, poll, work, monkeypatch, moment
):
    write, calls = claim.write, []

    def write_or_die(held, **fields):
        calls.append(fields)
        if len(calls) == moment:
            raise Killed
        write(held, **fields)

    monkeypatch.setattr(claim, "write", write_or_die)
    with pytest.raises(Killed):
        poll(3)
    assert Submission.objects.get().lease_token, "it was never given back"
    poll(3)
    work()
    assert_ended_well(handed_off, at_turnitin)
    assert len(at_turnitin.submissions) <= 2
    unsure = [message for message in told(handed_off, "turnitin_trouble") if "empty registration" in message]
    assert len(unsure) == (moment <= 2)


def test_a_worker_that_lost_its_lease_sends_nothing_more_and_writes_nothing(handed_off, at_turnitin, poll):
    zombie = claim.claim_next()
    poll(3)
    before = (Submission.objects.values().get(), len(at_turnitin.requests), kinds(handed_off))
    worker.take(zombie)
    assert (Submission.objects.values().get(), len(at_turnitin.requests), kinds(handed_off)) == before


def test_a_hint_that_comes_during_a_turn_is_not_lost(handed_off, at_turnitin):
    held = claim.claim_next()
    Submission.objects.update(due_at=timezone.now())
    claim.release(held, 600.0)
    assert claim.claim_next() is not None
    assert claim.claim_next() is None, "and only one has it"


def test_a_trouble_that_lasts_is_told_once(handed_off, at_turnitin, poll, work):
    at_turnitin.fail(STATUS, *[500] * 12)
    for _ in range(6):
        poll()
    row = submission(handed_off)
    assert row.failures == 6
    assert row.trouble.startswith("Turnitin does not help at the moment")
    assert told(handed_off, "turnitin_trouble") == [f"{row.trouble} It is tried again by itself."]
    assert len(told(handed_off, "retry")) == 2
    assert ProviderCall.objects.filter(run=handed_off, kind="similarity", outcome="retryable").count() < 12, "it rested"


def test_turnitin_is_left_alone_for_as_long_as_it_asks(handed_off, at_turnitin, poll):
    from autonomy.demo.stage.reply import Reply

    at_turnitin.fail(CREATE, Reply(429, b"{}", {"Retry-After": "1800"}))
    poll()
    due_in = submission(handed_off).due_at - timezone.now()
    assert timedelta(minutes=29) < due_in < timedelta(minutes=31)


def test_failures_are_farther_and_farther_apart(handed_off, at_turnitin, poll, env):
    env(turnitin_poll_seconds=600.0, autonomy_provider_attempts=1)
    at_turnitin.fail(CREATE, *[400 + 29] * 4)
    waits = []
    for _ in range(4):
        poll()
        waits.append(round((submission(handed_off).due_at - timezone.now()).total_seconds() / 60))
        breaker.cache_clear()
    assert waits == [1, 2, 4, 8]


@pytest.mark.parametrize("operation", AWAITED)
def test_a_key_that_is_refused_is_told_and_tried_again_after_a_quarter_of_an_hour(
    handed_off, at_turnitin, poll, work, operation
):
    at_turnitin.fail(operation, 403)
    poll()
    row = submission(handed_off)
    assert row.trouble.startswith("Turnitin refuses TURNITIN_API_KEY")
    assert timedelta(minutes=14) < row.due_at - timezone.now() < timedelta(minutes=16)
    poll()
    assert told(handed_off, "turnitin_trouble") == [row.trouble]
    off.clear()  # the key was unlocked, and a quarter of an hour is over
    poll(3)
    work()
    assert_ended_well(handed_off, at_turnitin)


@pytest.mark.parametrize("code", trouble.PROCESSING)
def test_a_document_that_turnitin_cannot_read_leaves_the_run_to_people(handed_off, at_turnitin, poll, work, code):
    at_turnitin.errors_with(code)
    poll(3)
    row = submission(handed_off)
    assert (row.state, row.trouble, row.due_at) == ("failed", trouble.PROCESSING[code], None)
    assert told(handed_off, "turnitin_failed") == [f"{row.trouble} The report can still be delivered by hand."]
    handed_off.refresh_from_db()
    assert (handed_off.status, at_turnitin.scans) == ("waiting_human", 0)
    deliver(handed_off, 0.05)
    work()
    handed_off.refresh_from_db()
    assert handed_off.outcome == "accepted"


@pytest.mark.parametrize(("operation", "status"), [(CREATE, 400), (CREATE, 404), (CREATE, 422), (UPLOAD, 413)])
def test_what_turnitin_refuses_is_told_and_not_repeated(handed_off, at_turnitin, poll, operation, status):
    at_turnitin.fail(operation, status)
    poll(3)
    row = submission(handed_off)
    assert (row.state, row.due_at) == ("failed", None)
    assert len(told(handed_off, "turnitin_failed")) == 1
    assert len([one for one in at_turnitin.requests if one.method in ("POST", "PUT")]) == (
        1 if operation == CREATE else 2
    )


def test_a_refusal_can_be_mended_and_asked_for_again(handed_off, at_turnitin, poll, work):
    at_turnitin.fail(CREATE, 404)
    poll()
    Submission.objects.update(due_at=timezone.now())  # as “Ask Turnitin now” does
    poll(3)
    work()
    assert_ended_well(handed_off, at_turnitin)


@pytest.mark.parametrize("forget", [False, True])
def test_a_document_that_is_deleted_there_gets_no_report(handed_off, at_turnitin, poll, forget):
    at_turnitin.tenant._scan_seconds = 60
    poll()
    at_turnitin.delete(submission(handed_off).turnitin_id, forget=forget)
    poll()
    assert (submission(handed_off).state, submission(handed_off).trouble) == ("failed", trouble.DELETED)


def test_a_document_that_is_not_in_the_store_cannot_be_sent(handed_off, at_turnitin, poll):
    cycle = Cycle.objects.get()
    cycle.docx.storage.delete(cycle.docx.name)
    poll()
    assert (submission(handed_off).state, submission(handed_off).trouble) == ("failed", trouble.NO_DOCUMENT)


def test_a_licence_that_the_operator_has_accepted_is_accepted_for_the_owner(handed_off, at_turnitin, poll, work):
    licences.accept("v7", "en-US", "Mara, head of research")
    at_turnitin.require_eula("v7")
    poll(3)
    work()
    assert_ended_well(handed_off, at_turnitin)
    assert at_turnitin.tenant.eulas_accepted == {("v7", f"autonomy-{handed_off.user_id}")}


@pytest.mark.parametrize("accepted", ["", "v6"])
def test_a_licence_that_nobody_has_accepted_is_waited_for_and_accepting_it_lets_the_run_go_on(
    handed_off, at_turnitin, poll, work, accepted
):
    if accepted:
        licences.accept(accepted, "en-US", "Mara")
    at_turnitin.require_eula("v7")
    poll()
    row = submission(handed_off)
    assert "--accept-licence v7" in row.trouble
    assert "by hand" in row.trouble
    assert timedelta(minutes=59) < row.due_at - timezone.now() < timedelta(minutes=61)
    poll()
    assert told(handed_off, "turnitin_trouble") == [row.trouble]
    assert not at_turnitin.tenant.eulas_accepted
    licences.accept("v7", "en-US", "Mara")
    worker.work(10)
    poll(3)
    work()
    assert_ended_well(handed_off, at_turnitin)


def test_a_mistake_of_our_own_is_told_and_tried_again_later(handed_off, at_turnitin, poll, work, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr("turnitin.core_api.steps.ScanSettings", None)
        poll()
    assert submission(handed_off).trouble == trouble.OUR_OWN
    assert submission(handed_off).due_at > timezone.now()
    poll(3)
    work()
    assert_ended_well(handed_off, at_turnitin)


def test_trouble_after_the_report_is_not_told_to_the_run_and_not_looked_at_for_ever(
    handed_off, at_turnitin, poll, work, env
):
    poll(3)
    work()
    before = kinds(handed_off)
    env(autonomy_provider_attempts=1)
    at_turnitin.fail(SIMILARITY, *[500] * 3)
    Submission.objects.update(due_at=timezone.now(), failures=58)
    poll()
    assert submission(handed_off).due_at
    poll()
    assert (submission(handed_off).state, submission(handed_off).due_at) == ("complete", None)
    assert kinds(handed_off)[: len(before)] == before
    assert "turnitin_trouble" not in kinds(handed_off)


def test_a_manual_delivery_during_the_last_look_wins(handed_off, at_turnitin, poll, work):
    at_turnitin.tenant._scan_seconds = 60
    poll()
    scanned(at_turnitin, 0.4)
    held = claim.claim_next()
    turn = worker.Turn(held)
    deliver(handed_off, 0.05)
    work()
    worker._take(turn)
    handed_off.refresh_from_db()
    assert handed_off.outcome == "accepted"
    assert (submission(handed_off).state, submission(handed_off).similarity) == ("dropped", 0.4)
    assert resumes(handed_off) == 1


def test_a_run_that_is_cancelled_in_the_middle_of_a_turn_has_nothing_uploaded(handed_off, at_turnitin):
    turn = worker.Turn(claim.claim_next())
    create = turn.api.create

    def create_while_somebody_cancels(new, timeout):
        cancel_run(actor=handed_off.user, run_id=handed_off.pk)
        return create(new, timeout=timeout)

    turn.api.create = create_while_somebody_cancels
    worker._take(turn)
    assert [request.path for request in at_turnitin.requests] == ["/submissions"]
    assert submission(handed_off).state == "dropped"


def test_a_run_that_has_failed_is_told_of_no_trouble(handed_off, at_turnitin, poll, env):
    env(autonomy_provider_attempts=1)
    at_turnitin.tenant._scan_seconds = 60
    poll()
    Run.objects.update(status="failed", outcome="failed", ended_at=timezone.now())
    before = kinds(handed_off)
    at_turnitin.fail(SIMILARITY, 500)
    poll()
    assert submission(handed_off).trouble
    assert kinds(handed_off) == before


def test_a_real_worker_that_is_killed_while_it_uploads_costs_no_second_scan(at_turnitin, celery, start):
    """Beat sends the hints, and the offline model writes the document."""
    at_turnitin.tenant._similarities = [0.0]
    settings = {
        "TURNITIN_MODE": "core_api",
        "TURNITIN_BASE_URL": at_turnitin.base_url,
        "TURNITIN_API_KEY": at_turnitin.key,
        "TURNITIN_POLL_SECONDS": "1",
    }
    at_turnitin.fail(UPLOAD, "timeout")
    run = start_samples(start)
    celery("beat", **settings)
    victim = celery("worker", "-c", "1", **settings)
    wait_until(lambda: any(request.path.endswith("/original") for request in at_turnitin.requests))
    os.killpg(victim.pid, signal.SIGKILL)
    assert Submission.objects.get().state == "to_upload"
    Submission.objects.update(due_at=timezone.now(), lease_expires_at=timezone.now())  # two minutes later
    celery("worker", "-c", "1", **settings)
    wait_until(lambda: status(run) == "done")
    wait_until(lambda: Submission.objects.exclude(pdf="").exists())
    assert run.outcome == "accepted"
    assert (at_turnitin.scans, len(at_turnitin.submissions), resumes(run)) == (1, 1, 1)
    assert_told_completely(run)

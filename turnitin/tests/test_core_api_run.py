"""Runs in the Core API mode, from their start to their end, with Turnitin's stage at the other side."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.db import connections
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from autonomy.errors import LeaseLost
from autonomy.models import Episode, Job, ProviderCall, Run
from autonomy.selectors.runs import snapshot
from autonomy.services.cancel_run import cancel_run
from autonomy.tests.clients import client_of
from autonomy.tests.factories import UserFactory
from autonomy.tests.test_run_from_start_to_end import assert_gapless, deliver, kinds
from benchmarks.chaos.audit import audit
from turnitin.core_api import worker
from turnitin.core_api.claim import claim_next
from turnitin.core_api.steps import next_wait
from turnitin.core_api.turn import Turn
from turnitin.models import Cycle, Report, Submission
from turnitin.stage import TurnitinStage

pytestmark = pytest.mark.django_db(transaction=True)


def submission(run) -> Submission:
    return Submission.objects.filter(cycle__run=run).latest("cycle__number")


def resumes(run) -> int:
    return Job.objects.filter(run=run, kind="resume").count()


def told(run, kind) -> list[str]:
    return list(Episode.objects.filter(run=run, kind=kind).order_by("seq").values_list("message", flat=True))


def is_due(run) -> bool:
    return Submission.objects.filter(pk=submission(run).pk, due_at__lte=Now()).exists()


def scanned(stage: TurnitinStage, figure: float) -> None:
    """The stage has compared all documents."""
    for one in stage.submissions.values():
        stage.tenant._scanned(one, figure)
    Submission.objects.update(due_at=Now())  # as its webhook does


def test_with_every_webhook_lost_the_poll_takes_the_run_to_its_end(handed_off, at_turnitin, poll, work):
    at_turnitin.webhooks.lost = True
    poll(4)
    work()
    handed_off.refresh_from_db()
    assert (handed_off.status, handed_off.outcome) == ("done", "accepted")
    assert (at_turnitin.scans, resumes(handed_off)) == (1, 1)
    report = Report.objects.get()
    assert (report.via, report.observed_similarity, report.delivered_by) == ("core_api", 0.1, None)
    assert report.report_url.startswith("https://127.0.0.1:")
    calls = ProviderCall.objects.filter(run=handed_off, kind="similarity")
    assert set(calls.values_list("provider", "node", "outcome", "usd")) == {("turnitin", "turnitin", "ok", 0)}
    assert_gapless(handed_off)
    assert audit() == []


def test_what_turnitin_is_told_names_run_and_cycle_and_keeps_the_draft_out_of_its_index(handed_off, at_turnitin, poll):
    poll(4)
    [sent] = at_turnitin.submissions.values()
    cycle = Cycle.objects.get()
    assert str(cycle.pk) in sent.metadata["custom"]
    assert str(handed_off.pk) in sent.metadata["custom"]
    assert sent.owner == sent.submitter == f"autonomy-{handed_off.user_id}"
    assert sent.filename == f"essay-{str(handed_off.pk)[:8]}-1.docx"
    with cycle.docx.open("rb") as stored:
        assert sent.original == stored.read()
    assert sent.settings["indexing_settings"] == {"add_to_index": False}


def test_a_revision_is_a_hand_off_of_its_own_and_each_is_scanned_once(at_turnitin, env, model, start, work, poll):
    with TurnitinStage(key=at_turnitin.key, similarities=[0.31, 0.09]) as stage:
        env(turnitin_base_url=stage.base_url)
        run = start()
        for _ in range(2):
            work()
            poll(4)
        work()
        run.refresh_from_db()
        assert (run.status, run.outcome, run.revision) == ("done", "accepted", 1)
        assert list(Cycle.objects.order_by("number").values_list("state", "observed_similarity")) == [
            ("rejected", 0.31),
            ("accepted", 0.09),
        ]
        assert [one.scans for one in stage.submissions.values()] == [1, 1]
        assert resumes(run) == 2
        assert audit() == []


def test_the_report_comes_as_a_pdf_too_and_is_shown_in_turnitins_viewer(handed_off, at_turnitin, poll, work):
    poll(4)
    work()
    address = f"/api/v2/turnitin/{handed_off.pk}/cycles/1"
    pdf = client_of(handed_off.user).get(f"{address}/report.pdf")
    assert (pdf.status_code, pdf["Content-Type"]) == (200, "application/pdf")
    assert b"".join(pdf.streaming_content).startswith(b"%PDF")
    viewer = client_of(handed_off.user).post(f"{address}/viewer")
    assert viewer.status_code == 200
    assert viewer.json()["viewer_url"].startswith(at_turnitin.base_url.removesuffix("/api/v1"))
    others = client_of(UserFactory())
    assert others.get(f"{address}/report.pdf").status_code == others.post(f"{address}/viewer").status_code == 404
    assert submission(handed_off).due_at is None, "nothing is left to be asked for"


def test_a_report_that_is_not_there_cannot_be_viewed(handed_off):
    client, address = client_of(handed_off.user), f"/api/v2/turnitin/{handed_off.pk}/cycles"
    early = client.post(f"{address}/1/viewer")
    assert (early.status_code, early.json()["code"], early.json()["details"]) == (
        409,
        "conflict",
        {"state": "to_create"},
    )
    assert client.get(f"{address}/1/report.pdf").status_code == 404
    assert client.post(f"{address}/2/viewer").status_code == 404
    Submission.objects.all().delete()
    assert "by hand" in client.post(f"{address}/1/viewer").json()["message"]


def test_a_viewer_that_turnitin_does_not_give_is_an_error_that_says_so(handed_off, at_turnitin, poll):
    poll(4)
    client, address = client_of(handed_off.user), f"/api/v2/turnitin/{handed_off.pk}/cycles/1/viewer"
    at_turnitin.fail("POST /submissions/{id}/viewer-url", 403)
    answer = client.post(address)
    assert (answer.status_code, answer.json()["code"]) == (503, "provider_unavailable")
    assert "TURNITIN_API_KEY" in answer.json()["message"]
    assert not told(handed_off, "provider_off"), "who asked sees it; the run has nothing to do with it"


def test_a_pdf_that_turnitin_cannot_make_costs_the_run_nothing(handed_off, at_turnitin, poll, work):
    at_turnitin.fails_pdf()
    poll(4)
    work()
    handed_off.refresh_from_db()
    row = submission(handed_off)
    assert (handed_off.outcome, row.state, row.due_at, bool(row.pdf)) == ("accepted", "complete", None, False)
    assert "PDF" in row.trouble
    assert "turnitin_failed" not in kinds(handed_off)


def test_the_snapshot_says_how_the_document_fares(handed_off, at_turnitin, poll):
    at_turnitin.fail("POST /submissions", 400)
    poll()
    assert snapshot(handed_off)["cycle"]["submission"] == {
        "state": "failed",
        "trouble": submission(handed_off).trouble,
        "similarity": None,
        "overdue_at": None,
    }


def test_a_report_by_hand_while_turnitin_scans_resumes_the_run_and_drops_the_document(
    handed_off, at_turnitin, poll, work
):
    at_turnitin.tenant._scan_seconds = 60
    poll()
    assert submission(handed_off).state == "scanning"
    deliver(handed_off, 0.05)
    work()
    requests = len(at_turnitin.requests)
    poll()
    row = submission(handed_off)
    assert (row.state, row.due_at) == ("dropped", None)
    assert len(at_turnitin.requests) == requests, "nothing is asked for any more"
    scanned(at_turnitin, 0.4)
    poll()
    handed_off.refresh_from_db()
    assert (handed_off.status, handed_off.outcome, submission(handed_off).similarity) == ("done", "accepted", 0.4)
    assert list(Report.objects.order_by("pk").values_list("observed_similarity", "via", "too_late")) == [
        (0.05, "api", False),
        (0.4, "core_api", True),
    ]
    assert Cycle.objects.get().observed_similarity == 0.05
    assert resumes(handed_off) == 1
    assert len(told(handed_off, "similarity_updated")) == 1
    assert audit() == []


def test_a_document_that_is_delivered_by_hand_before_its_turn_is_never_sent(handed_off, at_turnitin, poll):
    deliver(handed_off, 0.05)
    poll(2)
    assert (submission(handed_off).state, at_turnitin.requests) == ("dropped", [])


def test_a_run_that_is_cancelled_while_turnitin_scans_is_left_alone(handed_off, at_turnitin, poll):
    at_turnitin.tenant._scan_seconds = 60
    poll()
    cancel_run(actor=handed_off.user, run_id=handed_off.pk)
    poll()
    scanned(at_turnitin, 0.1)
    poll()
    handed_off.refresh_from_db()
    assert (handed_off.status, submission(handed_off).state) == ("cancelled", "dropped")
    assert Cycle.objects.get().state == "awaiting_report"
    assert not resumes(handed_off)
    assert audit() == []


def test_a_figure_that_changes_after_acceptance_is_recorded_and_shown_and_not_acted_on(
    handed_off, at_turnitin, poll, work
):
    poll(4)
    work()
    handed_off.refresh_from_db()
    ended_at, last_seq = handed_off.ended_at, handed_off.last_seq
    for figure in (0.44, 0.44, 0.1):
        at_turnitin.update_similarity(submission(handed_off).turnitin_id, figure)
        Submission.objects.update(due_at=Now())
        poll()
        work()
    handed_off.refresh_from_db()
    assert (handed_off.status, handed_off.outcome, handed_off.ended_at) == ("done", "accepted", ended_at)
    assert Cycle.objects.get().observed_similarity == 0.1
    assert submission(handed_off).similarity == 0.1
    assert [message.split(" for ")[0] for message in told(handed_off, "similarity_updated")] == [
        "Turnitin tells a similarity of 44%",
        "Turnitin tells a similarity of 10%",
    ]
    assert handed_off.last_seq == last_seq + 2
    assert Report.objects.filter(too_late=True).count() == 2
    assert audit() == []


def test_who_reads_the_episodes_gets_what_came_after_the_end_and_then_the_end(handed_off, at_turnitin, poll, work):
    poll(4)
    work()
    handed_off.refresh_from_db()
    end = handed_off.last_seq
    at_turnitin.update_similarity(submission(handed_off).turnitin_id, 0.44)
    Submission.objects.update(due_at=Now())
    poll()
    client, address = client_of(handed_off.user), f"/api/v2/runs/{handed_off.pk}/events"
    assert client.get(address, headers={"Last-Event-ID": str(end + 1)}).status_code == 204
    assert client.get(address, headers={"Last-Event-ID": str(end)}).status_code == 200


def test_a_figure_that_changes_before_the_run_has_read_it_is_a_correction(handed_off, at_turnitin, poll, work):
    poll(2)
    for figure in (0.5, 0.1, 0.5):
        at_turnitin.update_similarity(submission(handed_off).turnitin_id, figure)
        Submission.objects.update(due_at=Now())
        poll()
    work()
    assert Cycle.objects.get(number=1).observed_similarity == 0.5
    assert Cycle.objects.get(number=1).state == "rejected"
    assert not told(handed_off, "similarity_updated")
    assert resumes(handed_off) == 1


def test_a_run_that_has_failed_finds_the_report_when_it_is_retried(handed_off, at_turnitin, poll):
    at_turnitin.tenant._scan_seconds = 60
    poll()
    Run.objects.update(status="failed", outcome="failed", ended_at=timezone.now())
    scanned(at_turnitin, 0.1)
    poll()
    assert Cycle.objects.get().state == "report_ready"
    assert not resumes(handed_off)


def test_an_overdue_report_is_told_once(handed_off, at_turnitin, poll, env):
    at_turnitin.tenant._process_seconds = 60
    poll(2)
    env(turnitin_overdue_seconds=1.0)
    Submission.objects.update(opened_at=F("opened_at") - timedelta(seconds=5))
    poll(3)
    [message] = told(handed_off, "report_overdue")
    assert "being read" in message
    assert "by hand" in message
    row = submission(handed_off)
    assert row.overdue_at
    assert row.state == "processing"


def test_a_day_later_it_is_asked_for_once_an_hour_and_after_a_week_no_more(handed_off, at_turnitin, poll, work):
    at_turnitin.tenant._process_seconds = 60
    poll(2)

    def grows(days):
        age = timedelta(days=days)
        Submission.objects.update(opened_at=F("opened_at") - age, uploaded_at=F("uploaded_at") - age)

    grows(2)
    poll()
    due_in = submission(handed_off).due_at - timezone.now()
    assert timedelta(minutes=59) < due_in < timedelta(minutes=61)
    grows(6)
    poll()
    row = submission(handed_off)
    assert (row.state, row.due_at) == ("failed", None)
    assert len(told(handed_off, "turnitin_failed")) == 1
    handed_off.refresh_from_db()
    assert handed_off.status == "waiting_human"
    # It comes after all, and its webhook makes it due.
    for one in at_turnitin.submissions.values():
        at_turnitin.tenant._processed(one, "")
    Submission.objects.update(due_at=Now())
    poll()
    work()
    handed_off.refresh_from_db()
    assert (handed_off.outcome, submission(handed_off).state, at_turnitin.scans) == ("accepted", "complete", 1)


def test_two_workers_at_once_scan_a_document_once(handed_off, at_turnitin):
    at_turnitin.webhooks.lost = True

    def work_on():
        try:
            for _ in range(20):
                worker.work(1)
                Submission.objects.filter(due_at__isnull=False, lease_token=None).update(due_at=Now())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work_on) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (at_turnitin.scans, len(at_turnitin.submissions), resumes(handed_off)) == (1, 1, 1)
    assert submission(handed_off).state == "complete"


def test_a_run_that_is_deleted_meanwhile_ends_its_turn_quietly(handed_off, at_turnitin):
    claim = claim_next()
    turn = Turn(claim)

    def create(new, timeout):
        handed_off.delete()
        return "a-registration"

    turn.api.create = create
    with pytest.raises(LeaseLost):
        next_wait(turn)
    worker.take(claim)
    assert at_turnitin.requests == []
    assert not Submission.objects.exists()


def test_in_manual_mode_nothing_is_sent(at_turnitin, env, model, start, work):
    env(turnitin_mode="manual")
    start()
    work()
    assert not Submission.objects.exists()
    assert at_turnitin.requests == []


def test_the_pdf_lies_beside_the_documents(handed_off, poll):
    poll(4)
    assert default_storage.exists(f"{handed_off.pk}/report-1.pdf")


def test_a_document_is_compared_with_what_the_tenant_has_and_no_more(handed_off, at_turnitin, poll):
    at_turnitin.tenant.repositories = ("INTERNET", "CROSSREF")
    poll(4)
    [sent] = at_turnitin.submissions.values()
    assert sent.settings["generation_settings"]["search_repositories"] == ["INTERNET", "CROSSREF"]
    assert Cycle.objects.get().state == "report_ready"


def test_a_tenant_without_any_of_the_repositories_is_told_of_and_nothing_is_scanned(handed_off, at_turnitin, env, poll):
    env(turnitin_repositories=["PUBLICATION"])
    at_turnitin.tenant.repositories = ("INTERNET",)
    poll(4)
    assert told(handed_off, "turnitin_trouble") == [
        "TURNITIN_REPOSITORIES: the tenant has none of those that are named; it has INTERNET. "
        "Change the setting and restart the workers."
    ]
    assert (at_turnitin.scans, submission(handed_off).state) == (0, "processing")
    env(turnitin_repositories=["INTERNET"])
    poll(2)
    assert at_turnitin.scans == 1


def test_only_who_may_deliver_reports_can_save_filters_in_the_viewer(handed_off, at_turnitin, poll, work):
    poll(4)
    work()
    address = f"/api/v2/turnitin/{handed_off.pk}/cycles/1/viewer"
    for viewer, may_save in ((handed_off.user, False), (UserFactory(is_staff=True, is_superuser=True), True)):
        assert client_of(viewer).post(address).status_code == 200
        assert at_turnitin.requests[-1].json["similarity"] == {"view_settings": {"save_changes": may_save}}

"""What the operator sees of documents at Turnitin, and may do there."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from autonomy.models import Episode
from autonomy.tests.clients import staff
from turnitin.models import Cycle, Submission
from turnitin.tests.test_console import PROBE

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def reported(handed_off, poll) -> Submission:
    poll(4)
    return Submission.objects.get()


def page_of(client) -> str:
    return client.get(f"/admin/turnitin/cycle/{Cycle.objects.get().pk}/change/").content.decode()


def test_the_cycles_page_tells_how_its_document_fares(reported):
    page = page_of(staff("turnitin.view_cycle"))
    assert "Open the report at Turnitin" in page
    assert "Turnitin's report 1 as a PDF" in page
    assert "0.1" in page
    assert "Ask Turnitin now" not in page, "that takes the permission to deliver reports"


def test_what_stands_in_the_way_is_shown_as_text(handed_off):
    Submission.objects.update(trouble=PROBE, overdue_at=timezone.now())
    client = staff("turnitin.view_cycle", "turnitin.view_submission")
    for page in (page_of(client), client.get("/admin/turnitin/submission/").content.decode()):
        assert "&lt;script&gt;" in page
        assert "<script>window.hacked" not in page
    assert "overdue since" in page_of(client)


def test_the_cycles_page_says_whether_somebody_has_to_do_anything(handed_off, at_turnitin, poll, settings):
    client = staff("turnitin.view_cycle", "turnitin.deliver_report")
    assert "Autonomy fetches the report from Turnitin" in page_of(client)
    Submission.objects.update(trouble="Turnitin is away.")
    assert "cannot be fetched from Turnitin at the moment" in page_of(client)
    Submission.objects.update(state="failed")
    assert "Turnitin gives no report of this document" in page_of(client)
    Submission.objects.update(state="to_create")
    settings.ENV = settings.ENV.model_copy(update={"turnitin_mode": "manual"})
    assert "the report has to be delivered by hand" in page_of(client)
    Submission.objects.all().delete()
    assert "waits until somebody delivers" in page_of(client)


def test_the_runs_page_says_how_its_document_fares(handed_off, boss):
    Submission.objects.update(state="scanning", turnitin_id="1", uploaded_at=timezone.now(), trouble="It is away.")
    page = " ".join(boss.get(f"/admin/autonomy/run/{Cycle.objects.get().run_id}/change/").content.decode().split())
    assert "being compared" in page
    assert "<p>It is away.</p>" in page
    assert "<summary>Deliver the report by hand</summary>" in page
    assert "Ask Turnitin now" in page


def test_the_runs_page_leads_to_the_report_at_turnitin(reported, boss):
    page = boss.get(f"/admin/autonomy/run/{Cycle.objects.get().run_id}/change/").content.decode()
    assert "Open the report at Turnitin" in page
    assert "Delivered by Autonomy, from Turnitin" in page
    assert f"/admin/turnitin/submission/{reported.pk}/report.pdf" in page


def test_of_a_cancelled_run_no_report_is_awaited(handed_off):
    Cycle.objects.update(withdrawn_at=timezone.now())
    page = page_of(staff("turnitin.view_cycle", "turnitin.deliver_report"))
    assert "The run was cancelled: no report is waited for" in page
    assert "Deliver the report" not in page
    assert "withdrawn" in staff("turnitin.view_cycle").get("/admin/turnitin/cycle/").content.decode()


def test_a_figure_that_changed_after_the_judgement_is_told_beside_what_counts(reported):
    Submission.objects.update(similarity=0.27)
    assert "Turnitin's similarity is 0.27" in page_of(staff("turnitin.view_cycle"))


def test_a_report_of_turnitins_own_leads_to_its_hand_off_and_not_to_an_address_of_the_api(reported):
    page = staff("turnitin.view_report").get("/admin/turnitin/report/").content.decode()
    assert "see hand-off" in page
    assert "/api/v1/submissions" not in page


def test_who_delivers_by_hand_is_told_that_turnitin_is_asked_too(handed_off):
    client = staff("turnitin.view_cycle", "turnitin.deliver_report")
    address = f"/admin/turnitin/cycle/{Cycle.objects.get().pk}/report/"
    assert "Autonomy fetches this report from Turnitin by itself" in client.get(address).content.decode()
    Submission.objects.update(state="failed")
    assert "Autonomy fetches this report" not in client.get(address).content.decode()


def test_a_cycle_that_people_hand_in_shows_nothing_of_it(handed_off):
    Submission.objects.all().delete()
    assert "At Turnitin:" not in page_of(staff("turnitin.view_cycle"))


def test_the_report_opens_in_turnitins_viewer(reported, at_turnitin):
    address = f"/admin/turnitin/submission/{reported.pk}/viewer/"
    answer = staff("turnitin.view_cycle").post(address)
    assert answer.status_code == 200
    viewer = answer["Refresh"].removeprefix("0;url=")
    assert viewer.startswith(at_turnitin.base_url.removesuffix("api/v1"))
    assert f'href="{viewer}"' in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert staff("turnitin.view_cycle").get(address).status_code == 405
    assert staff("autonomy.view_run").post(address).status_code == 403


def test_a_viewer_that_is_not_to_be_had_is_said_on_the_page(reported, at_turnitin):
    at_turnitin.fail("POST /submissions/{id}/viewer-url", 404)
    client = staff("turnitin.view_cycle")
    answer = client.post(f"/admin/turnitin/submission/{reported.pk}/viewer/", follow=True)
    assert "Turnitin refuses the request" in answer.content.decode()


def test_the_pdf_can_be_downloaded(reported):
    address = f"/admin/turnitin/submission/{reported.pk}/report.pdf"
    answer = staff("turnitin.view_cycle").get(address)
    assert b"".join(answer.streaming_content).startswith(b"%PDF")
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert "script-src" not in answer["Content-Security-Policy"]
    assert staff("autonomy.view_run").get(address).status_code == 403
    Submission.objects.update(pdf="")
    assert staff("turnitin.view_cycle").get(address).status_code == 404


def test_turnitin_can_be_asked_now(reported):
    address = f"/admin/turnitin/submission/{reported.pk}/ask/"
    assert staff("turnitin.view_cycle").post(address).status_code == 403
    client = staff("turnitin.view_cycle", "turnitin.deliver_report")
    assert client.get(address).status_code == 405
    assert "asked within seconds" in client.post(address, follow=True).content.decode()
    assert Submission.objects.get().due_at <= timezone.now()


def test_that_somebody_asked_is_in_both_logs_and_only_if_it_changed_anything(reported, boss, superuser):
    address = f"/admin/turnitin/submission/{reported.pk}/ask/"
    Submission.objects.update(due_at=timezone.now() + timedelta(hours=1))
    for _ in range(2):
        boss.post(address)
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id, entry.change_message) == (
        superuser,
        str(reported.pk),
        "Had Turnitin asked now.",
    )
    episode = Episode.objects.get(kind="turnitin_asked")
    assert (episode.actor_id, episode.data["number"]) == (superuser.pk, 1)
    assert episode.seq == episode.run.last_seq


def test_what_is_stuck_is_a_list_that_nobody_can_write_to(reported):
    client = staff("turnitin.view_submission", "turnitin.change_submission", "turnitin.delete_submission")
    page = client.get("/admin/turnitin/submission/").content.decode()
    assert "Sea walls" in page
    assert client.get("/admin/turnitin/submission/?overdue_at__isempty=1").status_code == 200
    detail = f"/admin/turnitin/submission/{reported.pk}/change/"
    assert client.get(detail).status_code == 200
    assert client.post(detail, {"state": "failed"}).status_code == 403
    assert client.get("/admin/turnitin/submission/add/").status_code == 403


def test_turnitin_is_among_the_providers_and_can_be_asked_again_when_it_rests(handed_off, at_turnitin, poll, boss):
    at_turnitin.fail("POST /submissions", *[500] * 6)
    poll(2)
    page = boss.get("/admin/autonomy/providercall/providers/").content.decode()
    assert "Similarity" in page
    assert "Ask turnitin again now" in page
    boss.post("/admin/autonomy/providercall/providers/", {"key": "similarity:turnitin"})
    assert "Ask turnitin again now" not in boss.get("/admin/autonomy/providercall/providers/").content.decode()


def test_nobody_is_promised_that_turnitin_is_asked_once_people_hand_in_again(handed_off, env):
    Submission.objects.update(due_at=timezone.now() + timedelta(hours=1))
    before = Submission.objects.get().due_at
    env(turnitin_mode="manual")
    address = f"/admin/turnitin/submission/{Submission.objects.get().pk}/ask/"
    answer = staff("turnitin.view_cycle", "turnitin.deliver_report").post(address, follow=True)
    assert "TURNITIN_MODE is manual" in answer.content.decode()
    assert Submission.objects.get().due_at == before

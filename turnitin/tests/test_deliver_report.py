from __future__ import annotations

import threading
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.db import connections
from django.utils import timezone
from rest_framework.authtoken.models import Token

from autonomy.errors import ProviderUnavailable
from autonomy.models import Episode, Job
from autonomy.services.retry_run import retry_run
from autonomy.tests import quick as journey
from autonomy.tests.clients import client_of
from autonomy.tests.factories import UserFactory
from turnitin.models import Cycle, Report

pytestmark = pytest.mark.django_db(transaction=True)

URL = "https://reports.example.org/1"


@pytest.fixture
def uploader():
    user = UserFactory()
    user.user_permissions.add(Permission.objects.get(codename="deliver_report"))
    return user


@pytest.fixture
def client(uploader):
    return client_of(uploader)


@pytest.fixture
def run(model, start, work):
    run = start()
    work()
    run.refresh_from_db()
    return run


def deliver(client, run, **changes):
    body = {"cycle_id": str(run.cycles.latest("number").pk), "report_url": URL, "observed_similarity": 0.1}
    return client.post(f"/api/v2/turnitin/{run.pk}/report", body | changes, format="json")


def resumes(run):
    return Job.objects.filter(run=run, kind="resume").count()


def test_two_posts_of_one_report_resume_the_run_once_and_answer_the_same(client, run):
    first, second = deliver(client, run), deliver(client, run)
    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()
    assert first.json()["state"] == "report_ready"
    assert resumes(run) == 1
    assert Episode.objects.filter(run=run, kind="report_received").count() == 1
    assert Report.objects.count() == 1


def test_a_double_that_comes_after_the_run_has_ended_changes_nothing(client, run, work):
    first = deliver(client, run)
    work()
    run.refresh_from_db()
    before = (run.last_seq, Job.objects.count())
    late = deliver(client, run)
    assert (late.status_code, late.json()) == (200, first.json())
    run.refresh_from_db()
    assert (run.last_seq, Job.objects.count()) == before


def test_many_deliveries_at_once_make_one_resume_job(uploader, run):
    answers = []

    def post():
        answers.append(deliver(client_of(uploader), run).status_code)
        connections.close_all()

    Token.objects.get_or_create(user=uploader)
    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 8
    assert resumes(run) == 1


def test_a_correction_before_the_resume_updates_the_figure_without_a_second_job(client, run, work):
    deliver(client, run, observed_similarity=0.4)
    corrected = deliver(client, run, observed_similarity=0.05)
    assert (corrected.status_code, corrected.json()["observed_similarity"]) == (200, 0.05)
    assert resumes(run) == 1
    work()
    run.refresh_from_db()
    assert run.outcome == "accepted"


@pytest.mark.parametrize("final", [True, False], ids=["the run fails", "the job goes back"])
def test_a_correction_after_a_failed_resume_is_what_is_judged(client, quick, work, uploader, final):
    """The attempt had read the figure before it failed; the next one reads it anew."""

    def fail(run_id):
        journey.inside.clear()
        raise KeyError("bug") if final else ProviderUnavailable(retry_after=1)

    run = quick(task_spec={"max_revisions": 0})
    work()
    assert deliver(client, run, observed_similarity=0.05).status_code == 200
    journey.inside["turnitin_pause"] = fail
    work()
    assert deliver(client, run, observed_similarity=0.5).status_code == 200
    if final:
        retry_run(run_id=run.pk, actor=uploader)
    Job.objects.filter(state="queued").update(scheduled_at=timezone.now())
    work()
    assert Cycle.objects.get().state == "rejected"
    assert Episode.objects.get(kind="similarity_rejected").data["observed_similarity"] == 0.5
    run.refresh_from_db()
    assert run.outcome == "revisions_exhausted"


def test_a_correction_after_the_resume_is_committed_is_too_late(client, run):
    deliver(client, run)
    run.refresh_from_db()
    assert run.status == "queued"
    type(run).objects.filter(pk=run.pk).update(route="critic")
    late = deliver(client, run, observed_similarity=0.9)
    assert late.status_code == 409
    assert Cycle.objects.get().observed_similarity == 0.1


def test_a_new_report_for_a_closed_cycle_is_a_conflict_and_kept(client, run, work):
    deliver(client, run)
    work()
    late = deliver(client, run, observed_similarity=0.9)
    assert (late.status_code, late.json()["code"]) == (409, "conflict")
    assert late.json()["details"]["state"] == "accepted"
    assert deliver(client, run, observed_similarity=0.9).json() == late.json(), "also when it comes again"
    assert Report.objects.count() == 2
    assert Cycle.objects.get().observed_similarity == 0.1


def test_a_report_without_its_figure_is_kept_and_the_run_waits_on(client, run):
    answer = deliver(client, run, observed_similarity=None)
    assert (answer.status_code, answer.json()["state"]) == (200, "awaiting_report")
    assert resumes(run) == 0
    assert Episode.objects.filter(run=run, kind="report_incomplete").count() == 1
    assert deliver(client, run).json()["state"] == "report_ready"
    assert resumes(run) == 1


@pytest.mark.parametrize(
    ("changes", "field", "hint"),
    [
        ({"observed_similarity": 15}, "observed_similarity", "write 0.15 for 15 percent"),
        ({"observed_similarity": True}, "observed_similarity", "valid number"),
        ({"observed_similarity": -0.1}, "observed_similarity", "fraction"),
        ({"report_url": "http://reports.example.org"}, "report_url", "https://"),
        ({"report_url": "javascript:alert(1)"}, "report_url", "https://"),
        ({"report_url": "https://reports.example.org/\u5831\u544a"}, "report_url", "percent-encoded"),
        ({"cycle_id": "one"}, "cycle_id", "valid UUID"),
        ({"similarity": 0.1}, "similarity", "no such field"),
    ],
)
def test_a_wrong_delivery_says_how_to_mend_it_and_stores_nothing(client, run, changes, field, hint):
    answer = deliver(client, run, **changes)
    assert answer.status_code == 400
    assert hint in str(answer.json()["details"]["fields"][field])
    assert not Report.objects.exists()


def test_the_cycle_of_another_run_is_not_found(client, run):
    answer = deliver(client, run, cycle_id=str(uuid4()))
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_the_owner_of_a_run_cannot_judge_it_without_the_permission(run):
    answer = deliver(client_of(run.user), run)
    assert answer.status_code == 403
    assert answer.json()["details"]["permission"] == "turnitin.deliver_report"
    assert deliver(client_of(UserFactory()), run).status_code == 404


def test_the_document_can_be_had_by_its_owner_and_by_nobody_else(run):
    address = f"/api/v2/turnitin/{run.pk}/cycles/1/document"
    markdown = client_of(run.user).get(f"{address}.md")
    assert "## References" in b"".join(markdown.streaming_content).decode()
    docx = client_of(run.user).get(f"{address}.docx")
    assert b"".join(docx.streaming_content)[:2] == b"PK"
    assert client_of(UserFactory()).get(f"{address}.pdf").status_code == 404
    assert client_of(UserFactory()).get(f"{address}.md").status_code == 404
    for wrong in ("cycles/2", "cycles/99999999999"):
        assert client_of(run.user).get(f"{address.replace('cycles/1', wrong)}.md").status_code == 404
    assert client_of(run.user).get(f"{address}.exe").status_code == 404

"""What may be asked of a run over the API, and by whom."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from rest_framework.test import APIClient

from autonomy.models import Checkpoint, Episode, Job, Run
from autonomy.runtime import queue
from autonomy.tests.clients import client_of
from autonomy.tests.factories import UserFactory
from conftest import SEA_WALLS

pytestmark = pytest.mark.django_db(transaction=True)

SPEC = {"topic": "Sea walls", "words": 100, "sources": [{"title": "Walls", "text": SEA_WALLS}]}
BODIES = {
    "cancel": {},
    "retry": {},
    "raise-budget": {"tokens": 300_000},
    "fork": {},
    "schedule": {"at": (timezone.now() + timedelta(days=1)).isoformat()},
    "priority": {"priority": 1},
}
PERMISSIONS = {
    "cancel": "cancel_run",
    "retry": "retry_run",
    "raise-budget": "raise_budget",
    "fork": "fork_run",
    "schedule": "schedule_run",
    "priority": "schedule_run",
}


@pytest.fixture
def user():
    return UserFactory()


@pytest.fixture
def client(user):
    return client_of(user)


@pytest.fixture
def run(user, start):
    return start(owner=user)


def ask(client, run, verb, body=None):
    return client.post(f"/api/v2/runs/{run.pk}/{verb}", BODIES[verb] if body is None else body, format="json")


def fail(run):
    Run.objects.filter(pk=run.pk).update(status="failed", outcome="failed", reason="It broke.", ended_at=timezone.now())
    Job.objects.filter(run=run).update(state="failed", finished_at=timezone.now())


def staff(*permissions):
    person = UserFactory(is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return person


# --- the verbs ---


def test_a_run_is_cancelled(client, run):
    answer = ask(client, run, "cancel", {"reason": "A double."})
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert answer.json()["cancel_requested_at"] is not None
    assert Episode.objects.get(kind="cancel_requested").data["reason"] == "A double."
    assert ask(client, run, "cancel").json() == answer.json(), "asking again is answered the same"


def test_a_verb_without_a_body_is_a_request_too(client, run):
    assert client.post(f"/api/v2/runs/{run.pk}/cancel").status_code == 200


def test_a_failed_run_is_retried(client, run):
    fail(run)
    answer = ask(client, run, "retry", {"reason": "The key was renewed."})
    assert answer.status_code == 200
    assert Episode.objects.get(kind="run_retried").data["reason"] == "The key was renewed."
    assert (answer.json()["status"], answer.json()["outcome"], answer.json()["ended_at"]) == ("queued", None, None)


def test_a_verb_the_run_s_state_does_not_allow_is_a_conflict_that_tells_the_state(client, run):
    answer = ask(client, run, "retry")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert answer.json()["details"] == {"run_id": str(run.pk), "status": "queued", "outcome": None}


def test_limits_are_raised(client, run):
    answer = ask(client, run, "raise-budget", {"tokens": 300_000, "seconds": 1000, "usd": 5.5, "reason": "More."})
    assert Episode.objects.get(kind="budget_raised").data["reason"] == "More."
    assert answer.json()["budgets"]["limits"] == {"tokens": 300_000, "seconds": 1000, "usd": 5.5}


@pytest.mark.parametrize(
    ("body", "field", "hint"),
    [
        ({"tokens": 3}, "tokens", "above the present limit of 200,000"),
        ({"tokens": "300000"}, "tokens", "valid integer"),
        ({"seconds": True}, "seconds", "valid number"),
        ({"usd": "nan"}, "usd", "valid number"),
        ({"usd": None}, "usd", "Give one"),
        ({"hours": 3}, "hours", "no such field"),
    ],
)
def test_a_wrong_limit_is_named(client, run, body, field, hint):
    answer = ask(client, run, "raise-budget", body)
    assert answer.status_code == 400
    assert hint in json.dumps(answer.json()["details"]["fields"][field])


def test_a_run_is_forked(client, run, user):
    answer = ask(client, run, "fork", {"patch": {"task": {"words": 120}}, "note": "Longer."})
    assert answer.status_code == 201
    fork = Run.objects.get(pk=answer.json()["run_id"])
    assert answer.json() == {"run_id": str(fork.pk), "job_id": Job.objects.get(run=fork).pk}
    assert answer["Location"] == f"/api/v2/runs/{fork.pk}"
    told = client.get(answer["Location"]).json()
    origin = Checkpoint.objects.get(run=run)
    assert told["forked_from"] == {"run_id": str(run.pk), "checkpoint_id": origin.checkpoint_id}
    assert told["task"]["words"] == 120
    assert client.get(f"/api/v2/runs/{run.pk}").json()["forked_from"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"patch": {"sources": []}}, "patch.sources"),
        ({"patch": []}, "patch"),
        ({"checkpoint_id": "nothing"}, "checkpoint_id"),
        ({"checkpoint": "x"}, "checkpoint"),
    ],
)
def test_a_wrong_fork_is_refused_by_name(client, run, body, field):
    answer = ask(client, run, "fork", body)
    assert answer.status_code == 400
    assert field in answer.json()["details"]["fields"]


def test_a_run_is_scheduled_and_its_snapshot_says_for_when(client, run):
    at = timezone.now() + timedelta(days=1)
    answer = ask(client, run, "schedule", {"at": at.isoformat()})
    assert answer.status_code == 200
    assert datetime.fromisoformat(answer.json()["scheduled_at"]) == at
    past = ask(client, run, "schedule", {"at": "2020-01-01T00:00:00Z"})
    assert past.json()["scheduled_at"] is None


@pytest.mark.parametrize(
    ("at", "hint"),
    [
        ("2027-01-31T08:00:00", "with its offset"),
        ("2027-01-31", "with its offset"),
        ("tomorrow", "Datetime has wrong format"),
        ("9999-12-31T23:59:59-12:00", "out of range"),
        ("9998-12-31T23:59:59Z", "within a year"),
        (None, "null"),
    ],
)
def test_a_time_without_its_offset_or_too_far_away_is_refused(client, run, at, hint):
    answer = ask(client, run, "schedule", {"at": at})
    assert answer.status_code == 400
    assert hint in json.dumps(answer.json()["details"]["fields"]["at"])


def test_a_run_gets_another_priority(client, run):
    assert ask(client, run, "priority", {"priority": 0}).json()["priority"] == 0
    assert ask(client, run, "priority", {"priority": 10}).status_code == 400


def test_a_verb_knows_its_fields_and_serves_post_only(client, run):
    refused = ask(client, run, "retry", {"force": True})
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_input")
    assert client.get(f"/api/v2/runs/{run.pk}/cancel").status_code == 405


# --- who may ---


@pytest.mark.parametrize("verb", BODIES)
def test_staff_need_the_permission_for_the_runs_of_others(run, verb):
    if verb == "retry":
        fail(run)
    refused = ask(client_of(staff()), run, verb)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_permitted")
    assert refused.json()["details"] == {"permission": f"autonomy.{PERMISSIONS[verb]}"}
    others = set(PERMISSIONS.values()) - {PERMISSIONS[verb]}
    assert ask(client_of(staff(*others)), run, verb).status_code == 403
    person = staff(PERMISSIONS[verb])
    assert ask(client_of(person), run, verb).status_code in (200, 201)
    assert Episode.objects.filter(run=run).latest("seq").actor in (person, None)
    assert Episode.objects.filter(run=run, actor=person).exists()


@pytest.mark.parametrize("verb", BODIES)
def test_a_superuser_may_do_all_of_it(run, superuser, verb):
    if verb == "retry":
        fail(run)
    assert ask(client_of(superuser), run, verb).status_code in (200, 201)


@pytest.mark.parametrize("verb", BODIES)
def test_somebody_else_s_run_looks_like_one_that_does_not_exist(run, verb):
    other = UserFactory()
    other.user_permissions.set(Permission.objects.filter(codename__in=PERMISSIONS.values()))
    answer = ask(client_of(other), run, verb)
    missing = client_of(other).post(f"/api/v2/runs/{uuid4()}/{verb}", BODIES[verb], format="json")
    assert answer.status_code == missing.status_code == 404
    assert answer.json()["message"] == missing.json()["message"]
    assert Episode.objects.filter(run=run).count() == 1


@pytest.mark.parametrize("verb", [*BODIES, "checkpoints"])
def test_nobody_gets_in_without_authentication(run, verb):
    assert APIClient().post(f"/api/v2/runs/{run.pk}/{verb}", {}, format="json").status_code == 401


def test_with_the_flag_off_the_verbs_are_gone(client, run, settings):
    settings.ENABLE_AUTONOMY_V2 = False
    assert {ask(client, run, verb).status_code for verb in BODIES} == {404}
    assert client.get(f"/api/v2/runs/{run.pk}/checkpoints").status_code == 404


def test_a_fork_of_somebody_else_s_run_belongs_to_its_owner(run, user):
    person = staff("fork_run")
    fork = Run.objects.get(pk=ask(client_of(person), run, "fork").json()["run_id"])
    assert (fork.user, fork.started_by) == (user, person)


# --- checkpoints ---


def test_the_checkpoints_are_listed_newest_first_and_page_by_page(client, run, model, work):
    work()
    address = f"/api/v2/runs/{run.pk}/checkpoints"
    whole = client.get(address).json()
    assert [one["route"] for one in whole["checkpoints"]] == ["turnitin_pause", "critic", "draft", "research", "plan"]
    assert whole["next_before"] is None
    newest, second = whole["checkpoints"][:2]
    assert set(newest) == {"checkpoint_id", "parent_checkpoint_id", "step", "route", "source", "created_at"}
    assert newest["parent_checkpoint_id"] == second["checkpoint_id"]
    assert newest["checkpoint_id"] == client.get(f"/api/v2/runs/{run.pk}").json()["checkpoint_id"]
    assert (newest["step"], newest["source"]) == (4, "loop")
    seed = whole["checkpoints"][-1]
    assert (seed["step"], seed["source"], seed["parent_checkpoint_id"]) == (0, "update", None)
    paged, before = [], None
    while before is not None or not paged:
        page = client.get(address, {"limit": 2} | ({"before": before} if before else {})).json()
        paged += page["checkpoints"]
        before = page["next_before"]
    assert paged == whole["checkpoints"]


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 1000}, {"limit": "x"}, {"after": "x"}, {"before": "\0"}])
def test_a_wrong_page_is_refused(client, run, query):
    assert client.get(f"/api/v2/runs/{run.pk}/checkpoints", query).status_code == 400


def test_the_checkpoints_of_somebody_else_s_run_are_not_to_be_seen(run):
    assert client_of(UserFactory()).get(f"/api/v2/runs/{run.pk}/checkpoints").status_code == 404
    assert client_of(staff()).get(f"/api/v2/runs/{run.pk}/checkpoints").status_code == 200


# --- starting ---


def post(client, key=None, **changes):
    headers = {"Idempotency-Key": key} if key is not None else {}
    body = {"journey": "essay", "task_spec": SPEC} | changes
    return client.post("/api/v2/runs", body, format="json", headers=headers)


def test_a_repeated_start_is_answered_with_the_same_body_and_says_so(client):
    first, again = post(client, "k-1"), post(client, "k-1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert (again.json(), again["Location"]) == (first.json(), first["Location"])
    assert (first.has_header("Idempotency-Replayed"), again["Idempotency-Replayed"]) == (False, "true")
    assert Run.objects.count() == 1


def test_the_key_holds_for_files_as_well(client):
    def send(text):
        form = {
            "journey": "essay",
            "task_spec": json.dumps({"topic": "A text"}),
            "scheduled_at": "",
            "sources": [SimpleUploadedFile("a.txt", text)],
        }
        return client.post("/api/v2/runs", form, format="multipart", headers={"Idempotency-Key": "k-1"})

    first = send(b"Text.")
    assert send(b"Text.").json() == first.json()
    assert send(b"Another text.").json()["code"] == "idempotency_mismatch"


def test_another_request_with_the_same_key_is_a_conflict(client):
    first = post(client, "k-1")
    answer = post(client, "k-1", priority=1)
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_mismatch")
    assert answer.json()["details"] == {"run_id": first.json()["run_id"]}


@pytest.mark.parametrize("key", ["", "x" * 256, "schlüssel"])
def test_a_key_that_is_no_key_is_refused(client, key):
    answer = post(client, key)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")
    assert "Idempotency-Key" in answer.json()["details"]["fields"]


def test_a_run_is_started_for_later(client):
    at = (timezone.now() + timedelta(days=1)).replace(microsecond=0)
    run_id = post(client, scheduled_at=at.isoformat()).json()["run_id"]
    told = client.get(f"/api/v2/runs/{run_id}").json()
    assert datetime.fromisoformat(told["scheduled_at"]) == at
    assert queue.claim() is None


def test_a_start_at_a_time_without_its_offset_is_refused(client):
    answer = post(client, scheduled_at="2027-01-31T08:00:00")
    assert answer.status_code == 400
    assert "with its offset" in answer.json()["details"]["fields"]["scheduled_at"][0]
    assert not Run.objects.exists()


def test_the_snapshot_tells_priority_schedule_cancel_and_origin(client, run):
    told = client.get(f"/api/v2/runs/{run.pk}").json()
    known = {name: told[name] for name in ("priority", "scheduled_at", "cancel_requested_at", "forked_from")}
    assert known == {"priority": 5, "scheduled_at": None, "cancel_requested_at": None, "forked_from": None}

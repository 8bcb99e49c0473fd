from __future__ import annotations

import json
from uuid import UUID, uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from autonomy.models import Episode, Job, Run, Source
from autonomy.tests.clients import client_of
from autonomy.tests.factories import UserFactory
from conftest import SEA_WALLS

pytestmark = pytest.mark.django_db(transaction=True)

SPEC = {"topic": "Sea walls", "words": 100, "sources": [{"title": "Walls", "text": SEA_WALLS}]}


@pytest.fixture
def user():
    return UserFactory()


@pytest.fixture
def client(user):
    return client_of(user)


def post(client, **changes):
    return client.post("/api/v2/runs", {"journey": "essay", "task_spec": SPEC} | changes, format="json")


def test_a_run_is_started_with_its_job_its_sources_and_its_first_episode(client, user):
    answer = post(client)
    assert answer.status_code == 201
    run = Run.objects.get(pk=answer.json()["run_id"])
    assert answer.json() == {"run_id": str(run.pk), "job_id": Job.objects.get().pk}
    assert answer["Location"] == f"/api/v2/runs/{run.pk}"
    assert (run.user, run.status, Source.objects.get().key) == (user, "queued", "walls")
    assert Episode.objects.get().kind == "run_queued"


def test_files_are_taken_as_multipart_beside_the_task_spec(client):
    files = [
        SimpleUploadedFile("a.md", b"# One\n\nText of one."),
        SimpleUploadedFile("b.txt", b"Text of two."),
        SimpleUploadedFile("empty.txt", b""),
    ]
    form = {"journey": "report", "task_spec": json.dumps({"topic": "Two texts"}), "sources": files}
    answer = client.post("/api/v2/runs", form, format="multipart")
    assert answer.status_code == 201, answer.json()
    assert list(Source.objects.order_by("pk").values_list("filename", flat=True)) == ["a.md", "b.txt", "empty.txt"]


def test_a_file_name_cannot_point_outside(client):
    upload = SimpleUploadedFile("x.txt", b"Text.")
    upload.name = "../../etc/passwd.txt"
    form = {"journey": "essay", "task_spec": json.dumps({"topic": "A text"}), "sources": [upload]}
    assert client.post("/api/v2/runs", form, format="multipart").status_code == 201
    assert Source.objects.get().filename == "passwd.txt"


@pytest.mark.parametrize(
    ("changes", "field", "hint"),
    [
        ({"task_spec": SPEC | {"topic": ""}}, "task_spec.topic", "at least 3 characters"),
        ({"task_spec": SPEC | {"target_similarity": 15}}, "task_spec.target_similarity", "write 0.15 for 15 percent"),
        ({"task_spec": SPEC | {"colour": "red"}}, "task_spec.colour", "no such field"),
        ({"task_spec": {"topic": "Sea walls"}}, "sources", "At least one source"),
        ({"task_spec": SPEC | {"sources": [{"title": "x"}]}}, "task_spec.sources", "required"),
        ({"task_spec": SPEC | {"topic": "Sea\0walls"}}, "task_spec.topic", "cannot be stored"),
        ({"task_spec": SPEC | {"limits": {"usd": 1e-8}}}, "task_spec.limits.usd", "six decimals"),
        ({"task_spec": SPEC | {"max_revisions": True}}, "task_spec.max_revisions", "valid integer"),
        ({"jurney": "essay"}, "jurney", "no such field"),
        ({"priority": 11}, "priority", "less than or equal to 9"),
        ({"task_spec": "write!"}, "task_spec", "dictionary"),
    ],
)
def test_a_wrong_request_names_the_field_says_how_to_mend_it_and_leaves_nothing(client, changes, field, hint):
    answer = post(client, **changes)
    assert answer.status_code == 400
    body = answer.json()
    assert set(body) == {"code", "message", "details"}
    assert body["code"] == "invalid_input"
    assert hint in json.dumps(body["details"]["fields"][field])
    assert not Run.objects.exists()


def test_an_unknown_journey_is_refused_with_the_list_of_those_there_are(client):
    answer = post(client, journey="novel")
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_journey")
    assert answer.json()["details"]["journeys"] == ["essay", "literature_review", "report"]


def test_broken_json_gets_the_one_error_shape(client):
    answer = client.post("/api/v2/runs", "{not json", content_type="application/json")
    assert answer.status_code == 400
    assert set(answer.json()) == {"code", "message", "details"}


def test_a_user_cannot_start_a_run_for_somebody_else_but_staff_can(client, user):
    other = UserFactory()
    refused = post(client, user_id=other.pk)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_permitted")
    started = post(client_of(UserFactory(is_staff=True)), user_id=other.pk)
    assert Run.objects.get(pk=started.json()["run_id"]).user == other


def test_the_snapshot_shows_the_last_checkpoint_with_status_spend_and_cycle(client, model, work):
    run_id = post(client).json()["run_id"]
    assert client.get(f"/api/v2/runs/{run_id}").json()["status"] == "queued"
    work()
    told = client.get(f"/api/v2/runs/{run_id}").json()
    assert (told["status"], told["route"]) == ("waiting_human", "turnitin_pause")
    assert told["task"]["topic"] == "Sea walls"
    assert told["plan"]["sections"][0]["heading"] == "Walls"
    assert told["budgets"]["spent"]["tokens"] == 30
    assert told["last_observation"]["kind"] == "draft"
    assert told["last_verdict"]["failures"] == []
    assert (told["cycle"]["number"], told["cycle"]["state"]) == (1, "awaiting_report")
    for address in told["cycle"]["documents"].values():
        document = client.get(address)
        assert document.status_code == 200
        document.close()


def test_a_user_sees_only_their_own_runs_and_staff_see_all(client, start):
    run = start()
    foreign = client.get(f"/api/v2/runs/{run.pk}")
    missing = client.get(f"/api/v2/runs/{uuid4()}")
    assert foreign.status_code == missing.status_code == 404
    assert foreign.json()["message"] == missing.json()["message"], "the answer does not tell whether the run exists"
    assert client_of(UserFactory(is_staff=True)).get(f"/api/v2/runs/{run.pk}").status_code == 200


@pytest.mark.parametrize("path", ["", f"/{UUID(int=1)}", f"/{UUID(int=1)}/events"])
def test_nobody_gets_in_without_authentication(path):
    answer = APIClient().get(f"/api/v2/runs{path}")
    assert answer.status_code == 401
    assert set(answer.json()) == {"code", "message", "details"}
    assert answer["WWW-Authenticate"] == "Token"


def test_an_unknown_address_under_api_answers_in_json():
    answer = APIClient().get("/api/v1/runs")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_with_the_flag_off_all_of_v2_is_gone_while_admin_and_health_go_on(client, settings, user):
    settings.ENABLE_AUTONOMY_V2 = False
    run = uuid4()
    for path in ("runs", f"runs/{run}", f"runs/{run}/events", f"turnitin/{run}/report"):
        assert client.get(f"/api/v2/{path}").status_code == 404
        assert client.post(f"/api/v2/{path}", {}, format="json").status_code == 404
    assert client.get("/admin/login/").status_code == 200
    assert client.get("/health/ready").json()["status"] == "ok"


def test_an_unforeseen_error_tells_no_inside_story(client, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr("autonomy.api.views.start_run", broken)
    client.raise_request_exception = False
    answer = post(client)
    assert (answer.status_code, answer.json()["code"]) == (500, "error")
    assert "hunter2" not in answer.content.decode()


def test_the_same_file_given_twice_is_one_source_and_the_double_is_named(client):
    spec = SPEC | {"sources": [{"title": "Walls", "text": SEA_WALLS}, {"title": "Again", "text": SEA_WALLS}]}
    assert post(client, task_spec=spec).status_code == 201
    assert Source.objects.count() == 1
    assert "left out: Again.txt" in Episode.objects.get().message


@pytest.mark.parametrize("body", ["[]", "3", "null", '"text"', '{"journey": "essay", "task_spec": {"topic": NaN}}'])
def test_a_body_that_is_no_object_is_refused_in_the_one_shape(client, body):
    answer = client.post("/api/v2/runs", body, content_type="application/json")
    assert answer.status_code == 400
    assert set(answer.json()) == {"code", "message", "details"}


def test_half_a_character_is_refused_and_not_a_server_error(client):
    body = json.dumps({"journey": "essay", "task_spec": SPEC | {"topic": "Sea \ud800 walls"}})
    answer = client.post("/api/v2/runs", body, content_type="application/json")
    assert answer.status_code == 400
    assert "half of a surrogate pair" in answer.json()["message"]


def test_a_request_that_is_too_large_is_refused_in_the_one_shape(client, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    answer = post(client)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_far_too_many_files_are_refused_in_the_one_shape(client, settings):
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 2
    files = [SimpleUploadedFile(f"{n}.txt", b"Text.") for n in range(4)]
    form = {"journey": "essay", "task_spec": json.dumps({"topic": "A text"}), "sources": files}
    answer = client.post("/api/v2/runs", form, format="multipart")
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_empty_fields_of_a_form_are_as_good_as_absent(client):
    form = {
        "journey": "essay",
        "task_spec": json.dumps({"topic": "A text"}),
        "user_id": "",
        "sources": [SimpleUploadedFile("a.txt", b"Text.")],
    }
    assert client.post("/api/v2/runs", form, format="multipart").status_code == 201


def test_a_body_nested_without_end_is_refused(client):
    deep = "[" * 100_000
    assert client.post("/api/v2/runs", deep, content_type="application/json").status_code == 400
    form = {"journey": "essay", "task_spec": deep, "sources": [SimpleUploadedFile("a.txt", b"Text.")]}
    assert client.post("/api/v2/runs", form, format="multipart").status_code == 400


def test_a_file_too_large_is_refused_before_it_is_read(client, settings):
    settings.ENV = settings.ENV.model_copy(update={"autonomy_upload_max_bytes": 10})
    form = {
        "journey": "essay",
        "task_spec": json.dumps({"topic": "A text"}),
        "sources": [SimpleUploadedFile("a.txt", b"Text of more than ten bytes.")],
    }
    answer = client.post("/api/v2/runs", form, format="multipart")
    assert answer.status_code == 400
    assert "a.txt is larger than 10" in json.dumps(answer.json()["details"]["fields"]["sources"], ensure_ascii=False)


def test_a_pasted_source_may_be_called_anything(client):
    spec = SPEC | {"sources": [{"title": "docs/", "text": SEA_WALLS}]}
    assert post(client, task_spec=spec).status_code == 201
    assert Source.objects.get().filename == "docs-.txt"

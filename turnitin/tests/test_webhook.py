"""Turnitin's events: whatever comes, in whatever order and number, they change no more than when we look."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.apps import apps
from django.test import Client
from django.utils import timezone

from autonomy.models import Episode
from turnitin.core_api.claim import claim_next
from turnitin.core_api.signature import sign
from turnitin.models import Cycle, Submission
from turnitin.tests.conftest import WEBHOOK_SECRET

pytestmark = pytest.mark.django_db(transaction=True)

ADDRESS = "/api/v2/turnitin/webhook"
ID = "a1b2c3d4-0000-4000-8000-1234567890ab"


@pytest.fixture
def scanning(handed_off) -> Submission:
    """A document that Turnitin compares, and that is looked at again in an hour."""
    later = timezone.now() + timedelta(hours=1)
    Submission.objects.update(state="scanning", turnitin_id=ID, uploaded_at=timezone.now(), due_at=later)
    return Submission.objects.get()


def send(event: str, body: object, *, secret: str = WEBHOOK_SECRET, **headers: str | None):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    signed = {"X-Turnitin-EventType": event, "X-Turnitin-Signature": sign(secret, raw), **headers}
    sent = {name: value for name, value in signed.items() if value is not None}
    return Client(enforce_csrf_checks=True).generic("POST", ADDRESS, raw, content_type="application/json", headers=sent)


def similarity_complete(**changes: object) -> dict[str, object]:
    return {"submission_id": ID, "status": "COMPLETE", "overall_match_percentage": 99, **changes}


def everything() -> dict[str, list[tuple]]:
    """All rows of all tables of ours."""
    return {
        model._meta.db_table: list(model._default_manager.order_by("pk").values_list())
        for model in apps.get_models()
        if model._meta.app_label in ("autonomy", "turnitin")
    }


def is_due() -> bool:
    return Submission.objects.filter(due_at__lte=timezone.now()).exists()


def test_a_signed_event_makes_its_submission_due_and_its_figure_is_not_believed(scanning):
    before = everything()
    answer = send("SIMILARITY_COMPLETE", similarity_complete())
    assert (answer.status_code, answer.json()) == (200, {"status": "hinted"})
    assert is_due()
    after = everything()
    assert [table for table in before if before[table] != after[table]] == ["autonomy_turnitin_submissions"]
    scanning.refresh_from_db()
    assert (scanning.state, scanning.similarity) == ("scanning", None)


def test_doubles_change_nothing_more(scanning):
    send("SIMILARITY_COMPLETE", similarity_complete())
    before = everything()
    answers = [send("SIMILARITY_COMPLETE", similarity_complete()).json() for _ in range(5)]
    assert answers == [{"status": "unchanged"}] * 5
    assert everything() == before


def test_a_double_costs_one_update_and_a_look(scanning, django_assert_num_queries):
    with django_assert_num_queries(1):
        send("SIMILARITY_COMPLETE", similarity_complete())
    with django_assert_num_queries(2):
        send("SIMILARITY_COMPLETE", similarity_complete())


@pytest.mark.parametrize(
    ("event", "state", "result"),
    [
        ("SUBMISSION_COMPLETE", "processing", "hinted"),
        ("SUBMISSION_COMPLETE", "scanning", "unchanged"),
        ("SUBMISSION_COMPLETE", "failed", "unchanged"),
        ("SIMILARITY_COMPLETE", "processing", "hinted"),
        ("SIMILARITY_COMPLETE", "scanning", "hinted"),
        ("SIMILARITY_COMPLETE", "complete", "unchanged"),
        ("SIMILARITY_COMPLETE", "failed", "hinted"),
        ("SIMILARITY_COMPLETE", "dropped", "hinted"),
        ("SIMILARITY_UPDATED", "scanning", "hinted"),
        ("SIMILARITY_UPDATED", "complete", "hinted"),
        ("SIMILARITY_UPDATED", "to_upload", "unchanged"),
        ("PDF_STATUS", "complete", "hinted"),
        ("PDF_STATUS", "scanning", "unchanged"),
    ],
)
def test_an_event_matters_only_where_it_can_tell_of_something_new(scanning, event, state, result):
    Submission.objects.update(state=state, similarity=0.1, completed_at=timezone.now(), pdf_id="a-pdf")
    body = {"id": ID, "submission_id": "another"} if event == "SUBMISSION_COMPLETE" else {"submission_id": ID}
    assert send(event, body).json() == {"status": result}
    assert is_due() == (result == "hinted")


def test_one_with_nothing_left_to_do_is_taken_up_by_an_event(scanning):
    Submission.objects.update(state="complete", similarity=0.1, completed_at=timezone.now(), due_at=None)
    assert send("SIMILARITY_UPDATED", similarity_complete()).json() == {"status": "hinted"}
    assert is_due()


def test_an_event_during_a_turn_leads_to_another_turn(scanning):
    Submission.objects.update(due_at=timezone.now())
    assert claim_next()
    assert send("SIMILARITY_COMPLETE", similarity_complete()).json() == {"status": "hinted"}
    assert claim_next() is None, "the lease stands"


def test_an_event_that_overtakes_the_answer_to_our_call_is_known_by_its_cycle(scanning):
    later = timezone.now() + timedelta(hours=1)
    Submission.objects.filter(pk=scanning.pk).delete()
    Submission.objects.create(cycle=Cycle.objects.get(), due_at=later)
    custom = json.dumps({"run": str(uuid4()), "cycle": str(Cycle.objects.get().pk)})
    body = {"id": ID, "metadata": {"custom": custom}}
    assert send("SUBMISSION_COMPLETE", body).json() == {"status": "hinted"}
    assert is_due()
    Submission.objects.update(state="processing", turnitin_id="another-one", due_at=later)
    assert send("SUBMISSION_COMPLETE", body).json() == {"status": "unknown"}, "it is of another registration"
    assert not is_due()


STRANGE = [
    ("SIMILARITY_COMPLETE", b""),
    ("SIMILARITY_COMPLETE", b"no json"),
    ("SIMILARITY_COMPLETE", b"\xff\xfe"),
    ("SIMILARITY_COMPLETE", b"[" * 100_000),
    ("SIMILARITY_COMPLETE", b'{"submission_id": NaN}'),
    ("SIMILARITY_COMPLETE", b"[1, 2]"),
    ("SIMILARITY_COMPLETE", b"null"),
    ("SIMILARITY_COMPLETE", b"{}"),
    ("SIMILARITY_COMPLETE", b'{"submission_id": 7}'),
    ("SIMILARITY_COMPLETE", b'{"submission_id": {"a": 1}}'),
    ("SIMILARITY_COMPLETE", b'{"submission_id": ""}'),
    ("SIMILARITY_COMPLETE", b'{"submission_id": "\\u0000"}'),
    ("SIMILARITY_COMPLETE", b'{"submission_id": "x\' OR 1=1 --"}'),
    ("SIMILARITY_COMPLETE", json.dumps({"submission_id": "x" * 5000}).encode()),
    ("SUBMISSION_COMPLETE", b'{"submission_id": "only-this"}'),
    ("GROUP_ATTACHMENT_COMPLETE", b'{"id": "one"}'),
    ("SOMETHING_NEW", b'{"submission_id": "one"}'),
    ("", b"{}"),
]


@pytest.mark.parametrize(("event", "body"), STRANGE)
def test_what_is_not_understood_is_taken_and_changes_nothing(scanning, event, body):
    before = everything()
    answer = send(event, body)
    assert (answer.status_code, answer.json()) == (200, {"status": "ignored"})
    assert everything() == before


@pytest.mark.parametrize("custom", [None, 7, "no json", "[]", '{"cycle": 3}', '{"cycle": "x"}', "{" * 900, "x" * 2000])
def test_a_submission_that_is_not_ours_or_was_deleted_is_taken_and_changes_nothing(scanning, custom):
    before = everything()
    body = {"submission_id": str(uuid4()), "metadata": {"custom": custom}}
    assert send("SIMILARITY_COMPLETE", body).json() == {"status": "unknown"}
    assert send("SIMILARITY_COMPLETE", {"submission_id": str(uuid4()), "metadata": 5}).json() == {"status": "unknown"}
    assert everything() == before


def test_an_event_of_a_deleted_run_is_taken(scanning, handed_off):
    handed_off.delete()
    assert send("SIMILARITY_COMPLETE", similarity_complete()).json() == {"status": "unknown"}


def reserialised(raw: bytes) -> bytes:
    return json.dumps(json.loads(raw), separators=(",", ":")).encode()


RAW = json.dumps(similarity_complete()).encode()


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"X-Turnitin-Signature": None}, "missing"),
        ({"X-Turnitin-Signature": ""}, "missing"),
        ({"X-Turnitin-Signature": "0" * 64}, "wrong"),
        ({"X-Turnitin-Signature": sign(WEBHOOK_SECRET, reserialised(RAW))}, "wrong"),
        ({"X-Turnitin-Signature": sign(WEBHOOK_SECRET, RAW).upper()}, "wrong"),
        ({"X-Turnitin-Signature": sign("YW5vdGhlciBzZWNyZXQgb2Ygc29tZWJvZHk=", RAW)}, "wrong"),
        ({"X-Turnitin-Signature": "sha256=" + sign(WEBHOOK_SECRET, RAW)}, "wrong"),
        ({"X-Turnitin-Signature": "ÿ"}, "wrong"),
    ],
)
def test_a_wrong_signature_is_refused_and_leaves_nothing_but_a_count(scanning, monkeypatch, headers, reason):
    counted = []
    monkeypatch.setattr("turnitin.api.webhook.metrics.signature_refused", lambda *labels: counted.append(labels))
    before = everything()
    answer = send("SIMILARITY_COMPLETE", RAW, **headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "signature_refused")
    assert everything() == before
    assert counted == [("webhook", reason)]


def test_a_body_with_a_wrong_signature_is_not_even_parsed(scanning, monkeypatch):
    monkeypatch.setattr("turnitin.api.webhook.json_of", None)
    assert send("SIMILARITY_COMPLETE", RAW, **{"X-Turnitin-Signature": "0" * 64}).status_code == 401


def test_a_body_that_is_too_large_is_refused_unread(scanning):
    answer = send("SIMILARITY_COMPLETE", b" " * (2**20 + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize("missing", [{"turnitin_mode": "manual"}, {"turnitin_webhook_secret": None}])
def test_where_no_webhooks_are_expected_there_is_no_such_address(scanning, env, missing):
    env(**missing)
    answer = send("SIMILARITY_COMPLETE", RAW)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert not is_due()


def test_with_the_api_switched_off_there_is_no_webhook_either(scanning, settings):
    settings.ENABLE_AUTONOMY_V2 = False
    assert send("SIMILARITY_COMPLETE", RAW).status_code == 404
    assert not is_due()


def test_only_post_is_served(at_turnitin):
    answer = Client().get(ADDRESS)
    assert (answer.status_code, answer["Allow"], answer.json()["code"]) == (405, "POST", "method_not_allowed")


def test_events_are_counted_by_names_that_nobody_outside_can_make_up(scanning, monkeypatch):
    counted = []
    monkeypatch.setattr("turnitin.api.webhook.metrics.turnitin_webhook", lambda *labels: counted.append(labels))
    send("SIMILARITY_COMPLETE", RAW)
    send("SOMETHING_NEW", b"{}")
    send("GROUP_ATTACHMENT_COMPLETE", b"{}")
    assert counted == [
        ("SIMILARITY_COMPLETE", "hinted"),
        ("other", "ignored"),
        ("GROUP_ATTACHMENT_COMPLETE", "ignored"),
    ]
    assert not Episode.objects.filter(kind__startswith="turnitin").exists()

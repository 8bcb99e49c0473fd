"""The stage's webhooks: registered, signed, lost, doubled, late and turned round."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time

import pytest

from autonomy.tests.local_server import Asked, LocalServer
from turnitin.stage import TurnitinStage, signature
from turnitin.tests.stage.asking import ALL_EVENTS, KEY, SECRET, eventually, refused

# --- registering webhooks ---


def test_webhooks_are_registered_listed_and_removed_without_telling_the_secret(stage, client, receiver):
    made = client.listen(receiver.url)
    assert made.status_code == 201
    listed = client.get("/webhooks")
    assert listed.json() == [made.json()]
    assert (made.json()["url"], made.json()["event_types"]) == (receiver.url, ALL_EVENTS)
    assert "signing_secret" not in listed.text
    assert refused(client.listen(receiver.url), 409)
    removed = client.delete(f"/webhooks/{made.json()['id']}")
    assert (removed.status_code, removed.content) == (204, b"")
    assert client.get("/webhooks").json() == []
    assert refused(client.delete(f"/webhooks/{made.json()['id']}"), 404)
    client.scanned()
    stage.webhooks.flush()
    assert receiver.taken == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("signing_secret", None), ("signing_secret", "no base64!"), ("url", None), ("url", "example.org/hook"),
        ("event_types", []), ("event_types", ["OTHER"]), ("event_types", "PDF_STATUS"),
    ],
)  # fmt: skip
def test_a_webhook_that_does_not_fit_is_400(client, receiver, name, value):
    assert refused(client.listen(receiver.url, **{name: value}), 400, name)


def test_an_address_without_tls_can_be_refused_as_turnitin_does(stage, client, receiver):
    stage.webhooks.https_only = True
    assert refused(client.listen(receiver.url), 400, "https")
    assert client.listen(receiver.url, allow_insecure=True).status_code == 201


# --- events ---


def test_events_come_by_themselves_signed_over_the_raw_bytes(stage, client, receiver):
    client.listen(receiver.url)
    submission = client.scanned(metadata={"custom": "cycle 4/ä"})
    eventually(lambda: len(receiver.taken) == 2)
    assert receiver.types == ["SUBMISSION_COMPLETE", "SIMILARITY_COMPLETE"]
    uploaded, scanned = receiver.taken
    assert uploaded.json["id"] == scanned.json["submission_id"] == submission
    assert uploaded.json["status"] == scanned.json["status"] == "COMPLETE"
    assert scanned.json["overall_match_percentage"] == 31
    for one in receiver.taken:
        assert one.path == "/hook?tenant=1"
        assert one.json["metadata"] == {"custom": "cycle 4/ä"}
        assert one.headers["x-turnitin-signature"] == hmac.new(SECRET, one.body, hashlib.sha256).hexdigest()
        for form in ({}, {"separators": (",", ":")}, {"indent": 2}, {"sort_keys": True}, {"ensure_ascii": False}):
            again = json.dumps(one.json, **form).encode()
            assert signature(SECRET, again) != one.headers["x-turnitin-signature"]


def test_an_event_comes_when_its_moment_has_passed_though_nobody_looks(clients, receiver):
    with TurnitinStage(key=KEY, scan_seconds=0.2) as stage:
        client = clients(stage)
        client.listen(receiver.url, ["SIMILARITY_COMPLETE"])
        client.scanned()
        asked = time.monotonic()
        eventually(lambda: receiver.taken)
        assert time.monotonic() - asked > 0.1
        assert receiver.types == ["SIMILARITY_COMPLETE"]


def test_a_document_in_error_is_an_event_too(stage, client, receiver):
    client.listen(receiver.url)
    stage.errors_with("CORRUPT_FILE")
    client.uploaded()
    stage.webhooks.flush()
    assert [(one.json["status"], one.json["error_code"]) for one in receiver.taken] == [("ERROR", "CORRUPT_FILE")]


def test_other_filters_saved_in_the_viewer_are_an_event_with_another_similarity(stage, client, receiver):
    client.listen(receiver.url, ["SIMILARITY_UPDATED"])
    submission = client.scanned()
    stage.update_similarity(submission, 0.22)
    stage.webhooks.flush()
    assert receiver.types == ["SIMILARITY_UPDATED"]
    assert receiver.taken[0].json["overall_match_percentage"] == 22
    assert client.report(submission)["overall_match_percentage"] == 22
    assert stage.scans == 1
    with pytest.raises(ValueError, match="not complete"):
        stage.update_similarity(client.uploaded(), 0.22)


def test_a_printed_pdf_is_an_event(stage, client, receiver):
    client.listen(receiver.url, ["PDF_STATUS"])
    submission = client.scanned(metadata={"custom": "cycle 4"})
    made = client.post(f"/submissions/{submission}/similarity/pdf").json()["id"]
    stage.webhooks.flush()
    told = {"id": made, "submission_id": submission, "status": "SUCCESS", "metadata": {"custom": "cycle 4"}}
    assert [one.json for one in receiver.taken] == [told]


def test_events_can_be_lost(stage, client, receiver):
    client.listen(receiver.url)
    stage.webhooks.lost = True
    client.scanned()
    assert stage.submissions
    stage.webhooks.lost = False
    stage.webhooks.flush()
    assert receiver.taken == []


def test_events_can_come_more_than_once_and_at_the_same_time(stage, client):
    together = threading.Barrier(3, timeout=5)
    seen: list[Asked] = []

    def answer(asked: Asked) -> tuple[int, dict[str, str], bytes]:
        together.wait()
        seen.append(asked)
        return 200, {}, b""

    server = LocalServer(answer)
    client.listen(server.url, ["SUBMISSION_COMPLETE"])
    stage.webhooks.copies = 3
    client.uploaded()
    stage.webhooks.flush()
    server.close()
    assert len(seen) == 3
    assert len({one.body for one in seen}) == 1


def test_events_can_be_turned_round(stage, client, receiver):
    client.listen(receiver.url)
    stage.webhooks.order = "reversed"
    client.scanned()
    assert stage.submissions
    time.sleep(0.1)
    assert receiver.taken == []
    stage.webhooks.flush()
    assert receiver.types == ["SIMILARITY_COMPLETE", "SUBMISSION_COMPLETE"]


def test_events_that_are_held_back_come_in_the_end_without_a_flush(stage, client, receiver):
    client.listen(receiver.url, ["SUBMISSION_COMPLETE"])
    stage.webhooks.order = "shuffled"
    stage.webhooks.hold_seconds = 0.2
    made = {client.uploaded() for _ in range(5)}
    eventually(lambda: len(receiver.taken) == 5)
    assert {one.json["id"] for one in receiver.taken} == made
    with pytest.raises(ValueError, match="shuffled"):
        stage.webhooks.order = "backwards"


def test_events_can_be_late_unless_they_are_flushed(stage, client, receiver):
    client.listen(receiver.url, ["SUBMISSION_COMPLETE"])
    stage.webhooks.late = 0.3
    at = time.monotonic()
    client.uploaded()
    eventually(lambda: receiver.taken)
    assert time.monotonic() - at >= 0.3
    stage.webhooks.late = 60
    client.uploaded()
    stage.webhooks.flush()
    assert len(receiver.taken) == 2


def test_an_event_that_is_not_taken_comes_again(stage, client, receiver):
    client.listen(receiver.url, ["SUBMISSION_COMPLETE"])
    receiver.statuses = [500, 404]
    client.uploaded()
    stage.webhooks.flush()
    assert [(one.attempt, one.status) for one in stage.webhooks.delivered] == [(1, 500), (2, 404), (3, 200)]
    assert {one.event_type for one in stage.webhooks.delivered} == {"SUBMISSION_COMPLETE"}
    assert [one.body for one in stage.webhooks.delivered] == [one.body for one in receiver.taken]


def test_an_event_that_nobody_takes_is_given_up(stage, client, receiver):
    client.listen(receiver.url, ["SUBMISSION_COMPLETE"])
    receiver.close()
    client.uploaded()
    stage.webhooks.flush()
    assert [(one.attempt, one.status) for one in stage.webhooks.delivered] == [(1, 0), (2, 0), (3, 0)]


def test_any_event_can_be_sent_by_hand(stage, client, receiver):
    with pytest.raises(LookupError, match="register"):
        stage.webhooks.send("PDF_STATUS", {})
    client.listen(receiver.url, ["SUBMISSION_COMPLETE"])
    receiver.statuses = [200, 401, 401, 400]
    stage.webhooks.lost = True
    send = stage.webhooks.send
    assert send("SIMILARITY_COMPLETE", {"submission_id": "x"}) == (200, b"seen")
    assert send("SIMILARITY_COMPLETE", {"submission_id": "x"}, secret=b"wrong") == (401, b"seen")
    assert send("SIMILARITY_COMPLETE", {}, headers={"X-Turnitin-Signature": None, "X-Other": "1"})[0] == 401
    assert send("SIMILARITY_COMPLETE", b"{no json", secret=base64.b64encode(SECRET).decode())[0] == 400
    right, wrong, none, raw = receiver.taken
    assert right.headers["x-turnitin-signature"] == signature(SECRET, right.body)
    assert wrong.headers["x-turnitin-signature"] == signature(b"wrong", wrong.body)
    assert "x-turnitin-signature" not in none.headers
    assert none.headers["x-other"] == "1"
    assert raw.body == b"{no json"
    assert raw.headers["x-turnitin-signature"] == signature(SECRET, b"{no json")
    assert [one.status for one in stage.webhooks.delivered] == [200, 401, 401, 400]


def test_the_stage_answers_while_a_receiver_does_not(stage, client):
    let_go = threading.Event()

    def answer(asked: Asked) -> tuple[int, dict[str, str], bytes]:
        let_go.wait(10)
        return 200, {}, b""

    server = LocalServer(answer)
    client.listen(server.url)
    submission = client.uploaded()
    assert client.status(submission) == "COMPLETE"
    assert client.ask(submission).status_code == 202
    let_go.set()
    stage.webhooks.flush()
    server.close()

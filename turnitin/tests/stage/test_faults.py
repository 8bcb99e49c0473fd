"""The stage fails as it is told, and ends without leaving anything behind."""

from __future__ import annotations

import http.client
import json
import threading
import time
from pathlib import Path

import httpx
import pytest

from autonomy.tests.local_server import Asked, LocalServer
from turnitin.stage import WORDS, Reply, TurnitinStage
from turnitin.stage.operations import OPERATIONS
from turnitin.tests.stage.asking import KEY, Client, eventually, names, refused

# --- faults ---


def test_the_next_calls_of_an_operation_fail_as_told_and_then_no_more(stage, client):
    stage.fail("POST /submissions", 429, "ok", Reply.json(503, {"sorry": True}))
    assert refused(client.create(), 429)
    assert client.create().status_code == 201
    assert client.create().json() == {"sorry": True}
    assert client.create().status_code == 201
    assert len(stage.submissions) == 2
    assert [(one.method, one.path) for one in stage.requests] == [("POST", "/submissions")] * 4


def test_a_fault_is_of_one_operation_whatever_is_in_its_braces(stage, client):
    submission = client.uploaded()
    stage.fail("PUT /submissions/{}/similarity", 500)
    assert client.status(submission) == "COMPLETE"
    assert refused(client.ask(submission), 500)
    assert client.ask(submission).status_code == 202


def test_a_connection_that_is_reset_has_done_nothing(stage, client):
    stage.fail("POST /submissions", "reset")
    with pytest.raises(httpx.TransportError):
        client.create()
    assert stage.submissions == {}


def test_what_is_dropped_is_done_though_nobody_says_so(stage, client):
    submission = client.uploaded()
    stage.fail("PUT /submissions/{id}/similarity", "drop")
    with pytest.raises(httpx.TransportError):
        client.ask(submission)
    assert stage.scans == 1
    assert refused(client.ask(submission), 409, "already")
    assert client.report(submission)["overall_match_percentage"] == 31


def test_a_call_that_is_never_answered_does_nothing_and_ends_with_the_stage(clients):
    stage = TurnitinStage(key=KEY).start()
    stage.fail("POST /submissions", "timeout", "timeout")
    with pytest.raises(httpx.TimeoutException):
        clients(stage)._http.post("/submissions", json={}, timeout=0.2)
    ended: list[Exception] = []

    def wait() -> None:
        try:
            clients(stage).create()
        except httpx.TransportError as error:
            ended.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    eventually(lambda: len(stage.requests) == 2)
    stage.close()
    waiting.join(5)
    assert len(ended) == 1
    assert stage.tenant.submissions == {}


def test_an_answer_may_be_no_json(stage, client):
    stage.fail("GET /webhooks", "garbage")
    answer = client.get("/webhooks")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    with pytest.raises(json.JSONDecodeError):
        answer.json()


@pytest.mark.parametrize("operation", [one.name for one in OPERATIONS])
def test_every_operation_can_fail(stage, client, operation):
    stage.fail(operation, 500)
    method, path = operation.split()
    answer = client._http.request(method, path.replace("{", "").replace("}", ""))
    assert refused(answer, 500)


def test_a_fault_that_does_not_exist_is_an_error_that_lists_those_that_do(stage):
    with pytest.raises(ValueError, match="POST /submissions,"):
        stage.fail("POST /submission", 500)
    with pytest.raises(ValueError, match="reset, timeout, drop"):
        stage.fail("POST /submissions", 500, "explode")
    with pytest.raises(ValueError, match="no fault"):
        stage.fail("POST /submissions", 42)


def test_what_was_asked_is_kept(stage, client):
    submission = client.create().json()["id"]
    client.upload(submission, b"\x00raw")
    asked = stage.requests[-1]
    assert (asked.method, asked.path, asked.body) == ("PUT", f"/submissions/{submission}/original", b"\x00raw")
    assert asked.headers["authorization"] == f"Bearer {KEY}"


# --- the end ---


def test_a_stage_that_is_closed_leaves_no_thread_and_waits_for_nobody():
    let_go = threading.Event()
    arrived = threading.Event()

    def answer(asked: Asked) -> tuple[int, dict[str, str], bytes]:
        arrived.set()
        let_go.wait(10)
        return 200, {}, b""

    server = LocalServer(answer)
    stage = TurnitinStage(key=KEY).start()
    client = Client(stage)
    client.listen(server.url)
    client.scanned()
    assert stage.submissions
    assert arrived.wait(5)
    half = http.client.HTTPConnection(*stage.base_url.removeprefix("http://").split("/")[0].split(":"))
    half.putrequest("POST", "/api/v1/submissions")
    half.putheader("Content-Length", "1000")
    half.endheaders(b"{")
    eventually(lambda: "turnitin-stage-call" in names())
    at = time.monotonic()
    stage.close()
    assert time.monotonic() - at < 3
    assert [name for name in names() if name.startswith("turnitin-stage")] == []
    let_go.set()
    half.close()
    client.close()
    server.close()


def test_the_documentation_names_every_fault_and_every_call():
    page = (Path(__file__).resolve().parents[3] / "docs" / "stage.md").read_text().split("## Turnitin", 1)[1]
    for word in WORDS:
        assert f"`{word}`" in page
    for operation in OPERATIONS:
        assert f"`{operation.name}`" in page

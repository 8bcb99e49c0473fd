"""The stage of Turnitin's Core API: it answers as Turnitin does, and fails as it is told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from autonomy.tests.local_server import Asked, LocalServer
from turnitin.stage import WORDS, Reply, TurnitinStage, signature
from turnitin.stage.operations import OPERATIONS

KEY = "tca-sample-key"
SECRET = b"a secret of 20 bytes"
OWNER = "writer-7"
ASKED = {"generation_settings": {"search_repositories": ["INTERNET", "PUBLICATION"]}}
ALL_EVENTS = ["SUBMISSION_COMPLETE", "SIMILARITY_COMPLETE", "SIMILARITY_UPDATED", "PDF_STATUS"]


class Client:
    """Asks as Turnitin wants to be asked."""

    def __init__(self, stage: TurnitinStage, **headers: str) -> None:
        self._http = httpx.Client(
            base_url=stage.base_url,
            headers={
                "Authorization": f"Bearer {KEY}",
                "X-Turnitin-Integration-Name": "Autonomy",
                "X-Turnitin-Integration-Version": "1.0",
                **headers,
            },
            timeout=5,
        )
        self.get, self.put, self.delete, self.close = (
            self._http.get,
            self._http.put,
            self._http.delete,
            self._http.close,
        )

    def post(self, path: str, **body: Any) -> httpx.Response:
        return self._http.post(path, json=body)

    def create(self, **changed: Any) -> httpx.Response:
        return self.post("/submissions", **{"owner": OWNER, "title": "Sea walls", **changed})

    def upload(self, submission: str, content: bytes = b"text", **headers: str) -> httpx.Response:
        usual = {"Content-Type": "binary/octet-stream", "Content-Disposition": 'inline; filename="draft.docx"'}
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.put(f"/submissions/{submission}/original", content=content, headers=usual | headers)

    def ask(self, submission: str, **settings: Any) -> httpx.Response:
        return self.put(f"/submissions/{submission}/similarity", json=ASKED | settings)

    def status(self, submission: str) -> str:
        return self.get(f"/submissions/{submission}").json()["status"]

    def report(self, submission: str) -> dict[str, Any]:
        return self.get(f"/submissions/{submission}/similarity").json()

    def uploaded(self, **changed: Any) -> str:
        submission = self.create(**changed).json()["id"]
        assert self.upload(submission).status_code == 202
        return submission

    def scanned(self, **changed: Any) -> str:
        submission = self.uploaded(**changed)
        assert self.ask(submission).status_code == 202
        return submission

    def listen(self, at: str, events: list[str] = ALL_EVENTS, **changed: Any) -> httpx.Response:
        secret = base64.b64encode(SECRET).decode()
        return self.post("/webhooks", **{"signing_secret": secret, "url": at, "event_types": events, **changed})


class Receiver:
    """Takes events, and answers with `statuses` in turn, then with 200."""

    def __init__(self) -> None:
        self.taken: list[Asked] = []
        self.statuses: list[int] = []
        self._server = LocalServer(self._answer)
        self.url = f"{self._server.url}/hook?tenant=1"
        self.close = self._server.close

    def _answer(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        self.taken.append(asked)
        return self.statuses.pop(0) if self.statuses else 200, {}, b"seen"

    @property
    def types(self) -> list[str]:
        return [one.headers["x-turnitin-eventtype"] for one in self.taken]


@pytest.fixture
def stage() -> Iterator[TurnitinStage]:
    with TurnitinStage(key=KEY, similarities=[0.31, 0.09]) as one:
        yield one


@pytest.fixture
def clients() -> Iterator[Callable[..., Client]]:
    opened: list[Client] = []

    def make(stage: TurnitinStage, **headers: str) -> Client:
        opened.append(Client(stage, **headers))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.fixture
def client(stage, clients) -> Client:
    return clients(stage)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    one = Receiver()
    yield one
    one.close()


def eventually(holds: Callable[[], Any], seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def names() -> list[str]:
    """Of the threads that run."""
    return [thread.name for thread in threading.enumerate()]


def refused(answer: httpx.Response, status: int, naming: str = "") -> bool:
    said = answer.json()
    assert answer.status_code == said["status"] == status
    assert sorted(said) == ["message", "status"]
    assert naming in said["message"]
    return True


# --- who may ask ---


def test_a_wrong_key_is_403(stage, clients):
    assert refused(clients(stage, Authorization="Bearer other").get("/features-enabled"), 403)
    assert refused(clients(stage, Authorization=KEY).get("/features-enabled"), 403)


@pytest.mark.parametrize("header", ["X-Turnitin-Integration-Name", "X-Turnitin-Integration-Version"])
def test_a_call_without_the_name_of_its_integration_is_400(stage, clients, header):
    assert refused(clients(stage, **{header: ""}).get("/features-enabled"), 400, header)


def test_what_is_no_call_is_404(client):
    assert refused(client.get("/nothing"), 404)
    assert refused(client.delete("/features-enabled"), 404)


def test_the_calls_are_below_the_path_of_the_version(stage, client):
    outside = stage.base_url.removesuffix("/api/v1") + "/features-enabled"
    assert refused(client.get(outside), 404)


# --- the agreement ---


def test_nothing_is_to_be_accepted_unless_it_is_required(stage, client):
    assert client.get("/features-enabled").json()["tenant"] == {"require_eula": False}
    assert client.create().status_code == 201


def test_a_submission_is_451_until_its_owner_has_accepted_this_version(stage, client):
    stage.require_eula("v2beta")
    assert client.get("/features-enabled").json()["tenant"] == {"require_eula": True}
    assert refused(client.create(), 451)
    latest = client.get("/eula/latest", params={"lang": "en-US"}).json()
    assert latest["version"] == "v2beta"
    accepted = {"accepted_timestamp": "2026-11-20T10:00:00Z", "language": "en-US", "version": "v2beta"}
    assert client.post("/eula/v2beta/accept", user_id="another", **accepted).status_code == 200
    assert refused(client.create(), 451)
    assert client.post("/eula/v2beta/accept", user_id=OWNER, **accepted).status_code == 200
    assert client.create().status_code == 201
    stage.require_eula("v3")
    assert refused(client.create(), 451)


def test_an_acceptance_must_be_whole_and_of_the_latest_version(client):
    whole = {"user_id": OWNER, "accepted_timestamp": "2026-11-20T10:00:00Z", "language": "en-US"}
    assert refused(client.post("/eula/v0/accept", **whole), 404)
    for name in whole:
        assert refused(client.post("/eula/v1beta/accept", **(whole | {name: ""})), 400, name)
    assert refused(client.post("/eula/v1beta/accept", version="v0", **whole), 400, "version")


# --- the document ---


def test_a_created_submission_is_told_and_kept(stage, client):
    answer = client.create(metadata={"custom": "cycle 1"}, submitter="editor", eula={"version": "v1beta"})
    assert answer.status_code == 201
    said = answer.json()
    assert said["status"] == "CREATED"
    assert said["created_time"].endswith("Z")
    kept = stage.submissions[said["id"]]
    assert (kept.owner, kept.title, kept.submitter) == (OWNER, "Sea walls", "editor")
    assert (kept.metadata, kept.eula) == ({"custom": "cycle 1"}, {"version": "v1beta"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("owner", None), ("owner", ""), ("owner", "o" * 133), ("title", None), ("title", "t" * 501), ("title", 5),
        ("metadata", "cycle"), ("metadata", {"custom": {"cycle": 1}}), ("eula", "v1"),
    ],
)  # fmt: skip
def test_a_field_that_does_not_fit_is_400_and_named(stage, client, name, value):
    naming = "custom" if isinstance(value, dict) else name
    assert refused(client.create(**{name: value}), 400, naming)
    assert stage.submissions == {}


def test_the_longest_owner_and_title_fit(client):
    assert client.create(owner="o" * 132, title="t" * 500).status_code == 201


def test_a_body_that_is_no_object_is_400(client):
    for content in (b"{", b"[]", b""):
        assert refused(client._http.post("/submissions", content=content), 400)


def test_an_upload_makes_the_submission_complete(stage, client):
    submission = client.create().json()["id"]
    assert client.upload(submission, b"a draft").status_code == 202
    assert client.status(submission) == "COMPLETE"
    kept = stage.submissions[submission]
    assert (kept.original, kept.filename) == (b"a draft", "draft.docx")


def test_an_upload_must_be_named_typed_and_not_empty(stage, client):
    submission = client.create().json()["id"]
    assert refused(client.upload(submission, Content_Type="application/octet-stream"), 400, "binary/octet-stream")
    assert refused(client.upload(submission, Content_Disposition="inline"), 400, "filename")
    assert refused(client.upload(submission, b""), 400)
    stage.tenant.largest_original = 3
    assert refused(client.upload(submission, b"four"), 413)
    assert client.status(submission) == "CREATED"
    assert client.upload(submission, b"two").status_code == 202
    assert refused(client.upload(submission, b"two"), 409)
    assert refused(client.upload("unknown", b"two"), 404)


def test_an_upload_without_its_length_is_411(client):
    submission = client.create().json()["id"]
    answer = client.put(f"/submissions/{submission}/original", content=iter([b"te", b"xt"]))
    assert refused(answer, 411)


def test_the_largest_document_is_of_100_megabytes(stage):
    assert stage.tenant.largest_original == 100 * 1024 * 1024


def test_a_submission_takes_its_time(clients):
    with TurnitinStage(key=KEY, process_seconds=0.3) as stage:
        client = clients(stage)
        submission = client.uploaded()
        assert client.status(submission) == "PROCESSING"
        assert refused(client.ask(submission), 409, "PROCESSING")
        stage.tenant.early_similarity_status = 400
        assert refused(client.ask(submission), 400, "PROCESSING")
        eventually(lambda: client.status(submission) == "COMPLETE")
        assert client.ask(submission).status_code == 202


def test_a_document_can_end_in_an_error(stage, client):
    stage.errors_with("TOO_LITTLE_TEXT")
    broken, right = client.uploaded(), client.uploaded()
    said = client.get(f"/submissions/{broken}").json()
    assert (said["status"], said["error_code"]) == ("ERROR", "TOO_LITTLE_TEXT")
    assert client.status(right) == "COMPLETE"
    assert refused(client.ask(broken), 409, "ERROR")
    assert stage.scans == 0


def test_a_deleted_submission_says_so_and_a_forgotten_one_is_404(stage, client):
    deleted, forgotten = client.scanned(), client.scanned()
    stage.delete(deleted)
    stage.delete(forgotten, forget=True)
    assert client.status(deleted) == "DELETED"
    assert refused(client.get(f"/submissions/{forgotten}"), 404)
    for submission in (deleted, forgotten):
        assert refused(client.get(f"/submissions/{submission}/similarity"), 404)
    assert list(stage.submissions) == [deleted, forgotten]


# --- the report ---


def test_reports_have_the_similarities_in_turn_and_the_last_ever_after(stage, client):
    found = [client.report(client.scanned())["overall_match_percentage"] for _ in range(3)]
    assert found == [31, 9, 9]
    assert stage.scans == 3
    assert [one.similarity for one in stage.submissions.values()] == [0.31, 0.09, 0.09]


def test_a_report_is_paid_for_once(stage, client):
    submission = client.scanned(title="Once")
    assert refused(client.ask(submission), 409, "already")
    assert (stage.scans, stage.submissions[submission].scans) == (1, 1)
    assert client.report(submission)["overall_match_percentage"] == 31


def test_there_is_no_report_before_it_is_asked_for(client):
    submission = client.uploaded()
    assert refused(client.get(f"/submissions/{submission}/similarity"), 404)


def test_a_report_is_pending_then_processing_then_complete(clients):
    with TurnitinStage(key=KEY, scan_seconds=0.4) as stage:
        client = clients(stage)
        submission = client.scanned()
        first = client.report(submission)
        assert first["status"] == "PENDING"
        assert "overall_match_percentage" not in first
        assert stage.submissions[submission].similarity is None
        eventually(lambda: client.report(submission)["status"] == "PROCESSING")
        eventually(lambda: client.report(submission)["status"] == "COMPLETE")


def test_a_report_names_sources_that_must_not_be_trusted(client):
    report = client.report(client.scanned())
    assert isinstance(report["overall_match_percentage"], int)
    names = [match["name"] for match in report["top_matches"]]
    assert any("<script>" in name for name in names)
    assert any(len(name) > 1000 for name in names)
    assert set(report["top_matches"][0]) == {"name", "percentage", "source_type", "matched_word_count_total"}
    for part in ("internet", "publication", "submitted_works"):
        assert 0 <= report[f"{part}_match_percentage"] <= 31


def test_nothing_matches_a_report_of_zero(clients):
    with TurnitinStage(key=KEY, similarities=[0.0]) as stage:
        client = clients(stage)
        report = client.report(client.scanned())
        assert (report["overall_match_percentage"], report["top_matches"]) == (0, [])


@pytest.mark.parametrize(
    "settings",
    [
        {"generation_settings": {}},
        {"generation_settings": {"search_repositories": []}},
        {"generation_settings": {"search_repositories": ["LIBRARY"]}},
        {"generation_settings": {"search_repositories": ["INTERNET"], "auto_exclude_self_matching_scope": "SELF"}},
        {"generation_settings": {"search_repositories": ["INTERNET"], "priority": 1}},
        {"indexing_settings": {"add_to_index": "no"}},
        {"view_settings": {"exclude_quotes": 1}},
        {"view_settings": {"exclude_small_matches": 7}},
    ],
)
def test_a_report_asked_for_with_settings_that_do_not_fit_is_400_and_costs_nothing(stage, client, settings):
    submission = client.uploaded()
    assert refused(client.ask(submission, **settings), 400)
    assert stage.scans == 0


def test_the_settings_of_a_report_are_kept(stage, client):
    submission = client.uploaded()
    settings = {"indexing_settings": {"add_to_index": False}, "view_settings": {"exclude_small_matches": 8}}
    assert client.ask(submission, **settings).status_code == 202
    assert stage.submissions[submission].settings == ASKED | settings


def test_similarities_are_fractions():
    with pytest.raises(ValueError, match="fractions"):
        TurnitinStage(similarities=[31])


def test_the_viewer_is_a_page_that_escapes_what_it_shows(stage, client):
    submission = client.uploaded(title="<b>Walls</b>")
    viewer = f"/submissions/{submission}/viewer-url"
    assert refused(client.post(viewer, viewer_user_id="staff-1"), 409)
    client.ask(submission)
    assert refused(client.post(viewer, locale="en-US"), 400, "viewer_user_id")
    url = client.post(viewer, viewer_user_id="staff-1", locale="en-US").json()["viewer_url"]
    page = httpx.get(url)
    assert page.status_code == 200
    assert "31%: &lt;b&gt;Walls" in page.text
    assert httpx.get(url + "x").status_code == 404


def test_a_report_is_printed_as_a_pdf(clients):
    with TurnitinStage(key=KEY, similarities=[0.31], pdf_seconds=0.2) as stage:
        client = clients(stage)
        submission = client.uploaded(title="Walls (again)")
        asked = f"/submissions/{submission}/similarity/pdf"
        assert refused(client.post(asked, locale="en-US"), 409)
        client.ask(submission)
        address = f"{asked}/{client.post(asked, locale='en-US').json()['id']}"
        assert client.get(f"{address}/status").json()["status"] == "PENDING"
        assert refused(client.get(address), 404)
        eventually(lambda: client.get(f"{address}/status").json()["status"] == "SUCCESS")
        made = client.get(address)
        assert made.headers["content-type"] == "application/pdf"
        assert made.content.startswith(b"%PDF-1.4")
        assert b"similarity 31%, Walls [again]" in made.content
        start = int(made.content.split(b"startxref\n")[1].split()[0])
        assert made.content[start:].startswith(b"xref\n")
        assert refused(client.get(f"{asked}/unknown/status"), 404)


def test_a_pdf_can_fail(stage, client):
    submission = client.scanned()
    asked = f"/submissions/{submission}/similarity/pdf"
    stage.fails_pdf()
    statuses = [client.get(f"{asked}/{client.post(asked).json()['id']}/status").json()["status"] for _ in range(2)]
    assert statuses == ["FAILED", "SUCCESS"]


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
    page = (Path(__file__).resolve().parents[2] / "docs" / "stage.md").read_text().split("## Turnitin", 1)[1]
    for word in WORDS:
        assert f"`{word}`" in page
    for operation in OPERATIONS:
        assert f"`{operation.name}`" in page

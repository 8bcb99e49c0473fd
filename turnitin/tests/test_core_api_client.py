"""Turnitin's Core API is asked as it wants to be asked, and its answers are read without trust."""

from __future__ import annotations

import json
import logging
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from autonomy.providers.attempt import AttemptFailed, Fault, TimedOut
from autonomy.telemetry import redaction
from autonomy.telemetry.redaction import REDACTED
from autonomy.tests.planted import Secrets
from turnitin.core_api.client import (
    Acceptance,
    CoreApi,
    LicenceNotAccepted,
    NewSubmission,
    ScanSettings,
    Similarity,
    SubmissionStatus,
)
from turnitin.stage import Reply, TurnitinStage

KEY = "tca-sample-key"
OWNER = "autonomy-7"
RUN, CYCLE = UUID(int=1), UUID(int=2)
WHEN = datetime(2026, 5, 4, 12, 30, tzinfo=timezone(timedelta(hours=2)))
AGREED = Acceptance("v1beta", OWNER, "en-US", WHEN)
SCAN = ScanSettings(("INTERNET", "PUBLICATION"), ("bibliography",))
HOOK = "https://autonomy.example.org/api/v2/turnitin/webhook"
SECRET = "c2FtcGxlIHNlY3JldCBvZiAzMiBieXRlcywgeWVzISE="
ID = "a1b2c3d4-0000-4000-8000-000000000001"
T = 5.0


@pytest.fixture
def stage() -> Iterator[TurnitinStage]:
    with TurnitinStage(key=KEY, similarities=[0.31, 0.09]) as stage:
        yield stage


@pytest.fixture
def api(stage: TurnitinStage) -> CoreApi:
    return CoreApi(stage.base_url, KEY, "Autonomy")


def new(**changed: Any) -> NewSubmission:
    given = {"owner": OWNER, "title": "Sea walls", "cycle_id": CYCLE, "run_id": RUN, "acceptance": None}
    return NewSubmission(**(given | {"submitted_at": WHEN} | changed))


def uploaded(api: CoreApi) -> str:
    submission = api.create(new(), timeout=T)
    api.upload(submission, "essay-1.docx", b"docx", timeout=T)
    return submission


def scanned(api: CoreApi) -> str:
    submission = uploaded(api)
    assert api.submission(submission, timeout=T).status == "COMPLETE"
    api.ask_for_similarity(submission, SCAN, timeout=T)
    return submission


# Each call of the API, by the name the stage has for it.
CALLS: dict[str, Callable[..., Any]] = {
    "GET /features-enabled": lambda api, timeout=T: api.features(timeout=timeout),
    "GET /eula/latest": lambda api, timeout=T: api.newest_licence(timeout=timeout),
    "POST /eula/{version}/accept": lambda api, timeout=T: api.accept_licence(AGREED, timeout=timeout),
    "POST /submissions": lambda api, timeout=T: api.create(new(), timeout=timeout),
    "PUT /submissions/{id}/original": lambda api, timeout=T: api.upload(ID, "a.docx", b"docx", timeout=timeout),
    "GET /submissions/{id}": lambda api, timeout=T: api.submission(ID, timeout=timeout),
    "PUT /submissions/{id}/similarity": lambda api, timeout=T: api.ask_for_similarity(ID, SCAN, timeout=timeout),
    "GET /submissions/{id}/similarity": lambda api, timeout=T: api.similarity(ID, timeout=timeout),
    "POST /submissions/{id}/viewer-url": lambda api, timeout=T: api.viewer_url(ID, user_id="mara", timeout=timeout),
    "POST /submissions/{id}/similarity/pdf": lambda api, timeout=T: api.ask_for_pdf(ID, timeout=timeout),
    "GET /submissions/{id}/similarity/pdf/{pdf_id}/status": lambda api, timeout=T: api.pdf_status(
        ID, ID, timeout=timeout
    ),
    "GET /submissions/{id}/similarity/pdf/{pdf_id}": lambda api, timeout=T: api.pdf(ID, ID, timeout=timeout),
    "GET /webhooks": lambda api, timeout=T: api.webhooks(timeout=timeout),
    "POST /webhooks": lambda api, timeout=T: api.register_webhook(HOOK, SECRET, ["PDF_STATUS"], timeout=timeout),
    "DELETE /webhooks/{id}": lambda api, timeout=T: api.delete_webhook(ID, timeout=timeout),
}
SILENT = (
    "POST /eula/{version}/accept",
    "PUT /submissions/{id}/original",
    "PUT /submissions/{id}/similarity",
    "DELETE /webhooks/{id}",
)
TELLING = [call for call in CALLS if call not in SILENT]
MEANT = {  # what is no failure
    ("GET /submissions/{id}", 404),
    ("GET /submissions/{id}/similarity", 404),
    ("DELETE /webhooks/{id}", 404),
    ("PUT /submissions/{id}/original", 409),
    ("PUT /submissions/{id}/similarity", 409),
    ("POST /webhooks", 409),
}


def failed(api: CoreApi, call: str, **given: Any) -> AttemptFailed:
    with pytest.raises(AttemptFailed) as caught:
        CALLS[call](api, **given)
    return caught.value


# --- the right answers ---


def test_a_document_goes_all_the_way_and_its_figure_is_a_fraction(stage, api):
    submission = api.create(new(), timeout=T)
    assert api.submission(submission, timeout=T) == SubmissionStatus("CREATED")
    api.upload(submission, "essay-0000-1.docx", b"docx", timeout=T)
    assert api.submission(submission, timeout=T) == SubmissionStatus("COMPLETE")
    assert api.similarity(submission, timeout=T) == Similarity(complete=False)
    api.ask_for_similarity(submission, SCAN, timeout=T)
    found = api.similarity(submission, timeout=T)
    assert (found.complete, found.fraction) == (True, 0.31)
    assert 0 < len(found.top_matches) <= 10
    assert set(found.top_matches[0]) == {"name", "similarity", "source_type", "words"}
    assert all(0 <= match["similarity"] <= 0.31 for match in found.top_matches)
    kept = stage.submissions[submission]
    assert (kept.original, kept.filename, kept.title) == (b"docx", "essay-0000-1.docx", "Sea walls")


def test_every_call_says_who_asks(stage, api):
    for call in CALLS:
        stage.fail(call, Reply.json(200, {}))
        with suppress(AttemptFailed):
            CALLS[call](api)
    assert len(stage.requests) == len(CALLS)
    for request in stage.requests:
        assert request.headers["authorization"] == f"Bearer {KEY}"
        assert request.headers["x-turnitin-integration-name"] == "Autonomy"
        assert request.headers["x-turnitin-integration-version"]
        assert KEY not in request.path + repr(request.query) + request.body.decode()


def test_a_submission_tells_of_its_author_an_opaque_id_only(stage, api):
    api.create(new(acceptance=AGREED), timeout=T)
    asked = stage.requests[0].json
    assert asked == {
        "owner": OWNER,
        "submitter": OWNER,
        "title": "Sea walls",
        "eula": {"version": "v1beta", "language": "en-US", "accepted_timestamp": "2026-05-04T10:30:00.000Z"},
        "metadata": {
            "owners": [{"id": OWNER}],
            "submitter": {"id": OWNER},
            "original_submitted_time": "2026-05-04T10:30:00.000Z",
            "custom": asked["metadata"]["custom"],
        },
    }
    assert json.loads(asked["metadata"]["custom"]) == {"run": str(RUN), "cycle": str(CYCLE)}


@pytest.mark.parametrize(
    ("title", "told"),
    [("x" * 900, "x" * 500), (" Sea\n\twalls ", "Sea walls"), (" ", "Untitled document"), ("Über 海", "Über 海")],
)
def test_a_title_is_one_line_of_500_characters_at_most(stage, api, title, told):
    submission = api.create(new(title=title), timeout=T)
    assert stage.submissions[submission].title == told


def test_a_document_is_compared_but_never_kept_to_compare_others_with(stage, api):
    scanned(api)
    assert stage.requests[-1].json == {
        "indexing_settings": {"add_to_index": False},
        "generation_settings": {
            "search_repositories": ["INTERNET", "PUBLICATION"],
            "auto_exclude_self_matching_scope": "ALL",
        },
        "view_settings": {"exclude_quotes": False, "exclude_bibliography": True, "exclude_citations": False},
    }


@pytest.mark.parametrize("filename", ['a"; x="b.docx', "a\r\nX-Evil: 1.docx", "../../a.docx", "é.docx", "", "a" * 5000])
def test_a_file_name_stays_within_its_header(stage, api, filename):
    submission = api.create(new(), timeout=T)
    api.upload(submission, filename, b"docx", timeout=T)
    headers = stage.requests[-1].headers
    assert "x-evil" not in headers
    assert headers["content-type"] == "binary/octet-stream"
    assert headers["content-disposition"].count('"') == 2
    assert len(headers["content-disposition"]) < 300


@pytest.mark.parametrize("content", [b"", bytes(100 * 2**20 + 1)], ids=["nothing", "more than 100 MB"])
def test_a_document_that_turnitin_does_not_take_is_not_sent(stage, api, content):
    with pytest.raises(AttemptFailed, match="100 MB") as caught:
        api.upload(ID, "a.docx", content, timeout=T)
    assert caught.value.fault is Fault.REFUSED
    assert stage.requests == []


def test_what_was_done_before_may_be_asked_for_again(stage, api):
    submission = scanned(api)
    api.upload(submission, "a.docx", b"other", timeout=T)
    api.ask_for_similarity(submission, SCAN, timeout=T)
    assert stage.scans == 1
    assert stage.submissions[submission].original == b"docx"


def test_a_document_that_cannot_be_read_tells_why(stage, api):
    stage.errors_with("TOO_LITTLE_TEXT")
    assert api.submission(uploaded(api), timeout=T) == SubmissionStatus("ERROR", "TOO_LITTLE_TEXT")


def test_what_turnitin_has_forgotten_is_deleted(stage, api):
    marked, forgotten = scanned(api), scanned(api)
    stage.delete(marked)
    stage.delete(forgotten, forget=True)
    for submission in (marked, forgotten):
        assert api.submission(submission, timeout=T) == SubmissionStatus("DELETED")
        assert api.similarity(submission, timeout=T) == Similarity(complete=False)


def test_the_viewer_is_opened_for_a_person(stage, api):
    submission = scanned(api)
    assert api.viewer_url(submission, user_id="autonomy-3", timeout=T).startswith("http://127.0.0.1")
    assert stage.requests[-1].json["viewer_user_id"] == "autonomy-3"


def test_a_report_comes_as_a_pdf(stage, api):
    submission = scanned(api)
    pdf = api.ask_for_pdf(submission, timeout=T)
    assert api.pdf_status(submission, pdf, timeout=T) == "SUCCESS"
    assert api.pdf(submission, pdf, timeout=T).startswith(b"%PDF")
    stage.fails_pdf()
    assert api.pdf_status(submission, api.ask_for_pdf(submission, timeout=T), timeout=T) == "FAILED"


def test_the_tenant_tells_what_it_has(stage, api):
    assert api.features(timeout=T).repositories[:2] == ("INTERNET", "PUBLICATION")
    assert api.features(timeout=T).requires_licence is False
    stage.require_eula("v2-2026")
    assert api.features(timeout=T).requires_licence is True
    assert api.newest_licence(timeout=T).version == "v2-2026"
    assert api.newest_licence(timeout=T, language="de-DE").url.endswith("/de-DE/eula.html")


def test_a_submission_is_taken_once_the_licence_is_accepted(stage, api):
    stage.require_eula("v1beta")
    with pytest.raises(LicenceNotAccepted, match="turnitin_setup") as caught:
        api.create(new(), timeout=T)
    assert (caught.value.fault, caught.value.http_status) == (Fault.REFUSED, 451)
    api.accept_licence(AGREED, timeout=T)
    assert api.create(new(acceptance=AGREED), timeout=T) in stage.submissions


def test_a_webhook_is_registered_once_and_deleted_once(stage, api):
    registered = api.register_webhook(HOOK, SECRET, ["PDF_STATUS"], timeout=T)
    assert "allow_insecure" not in stage.requests[-1].json
    assert api.register_webhook(HOOK, SECRET, ["PDF_STATUS"], timeout=T) is None
    (listed,) = api.webhooks(timeout=T)
    assert (listed.id, listed.url, listed.event_types) == (registered, HOOK, ("PDF_STATUS",))
    api.delete_webhook(registered, timeout=T)
    api.delete_webhook(registered, timeout=T)
    assert api.webhooks(timeout=T) == []


def test_a_webhook_on_this_machine_needs_no_encryption(stage, api):
    stage.webhooks.https_only = True
    assert api.register_webhook("http://127.0.0.1:1/api/v2/turnitin/webhook", SECRET, ["PDF_STATUS"], timeout=T)


# --- failures ---


FAILURES = [
    (400, Fault.REFUSED, "takes the request for wrong"),
    (401, Fault.KEY, "the key was refused"),
    (402, Fault.QUOTA, "quota"),
    (403, Fault.KEY, "the key was refused"),
    (404, Fault.REFUSED, "knows of no such thing"),
    (409, Fault.REFUSED, "what Turnitin has already"),
    (413, Fault.REFUSED, "larger than Turnitin takes"),
    (422, Fault.REFUSED, "takes the request for wrong"),
    (429, Fault.TRANSIENT, "too many requests"),
    (451, Fault.REFUSED, "licence"),
    (500, Fault.TRANSIENT, "internal server error"),
    (503, Fault.TRANSIENT, "service unavailable"),
    (302, Fault.REFUSED, "moved"),
]


@pytest.mark.parametrize(
    ("call", "status", "fault", "said"),
    [(call, *failure) for call in CALLS for failure in FAILURES if (call, failure[0]) not in MEANT],
)
def test_a_status_means_the_same_with_every_call(stage, api, call, status, fault, said):
    echo = {"status": status, "message": f"Bearer {KEY} insufficient_quota", "code": "insufficient_quota"}
    stage.fail(call, Reply.json(status, echo, {"Location": "http://127.0.0.1:1/"}))
    error = failed(api, call)
    assert (error.fault, error.http_status) == (fault, status)
    assert said in error.reason
    assert KEY not in error.reason
    assert len(stage.requests) == 1


@pytest.mark.parametrize(("call", "status"), sorted(MEANT))
def test_a_status_that_says_it_is_so_already_is_no_failure(stage, api, call, status):
    stage.fail(call, status)
    CALLS[call](api)


@pytest.mark.parametrize("call", CALLS)
def test_what_turnitin_asks_to_be_waited_is_kept(stage, api, call):
    stage.fail(call, Reply.json(429, {"message": "slow"}, {"Retry-After": "17"}))
    error = failed(api, call)
    assert (error.retryable, error.retry_after) == (True, 17.0)


@pytest.mark.parametrize("call", CALLS)
def test_a_call_is_over_in_its_time(stage, api, call):
    stage.fail(call, "timeout")
    assert isinstance(failed(api, call, timeout=0.15), TimedOut)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("fault", ["reset", "drop"])
def test_a_connection_that_breaks_may_be_tried_again(stage, api, call, fault):
    stage.fail(call, fault)
    assert failed(api, call).retryable


@pytest.mark.parametrize("call", TELLING)
@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"{}", b'"COMPLETE"', b"7", b'{"id": "a', b"\xff\xfe", b"<html>", b"[" * 100_000,
        b"9" * 10_000, b'{"status": 3, "id": 7, "url": [], "version": null}', b'{"id": "../x", "status": "DONE"}',
        b'{"status": NaN}', b'{"similarity": [], "tenant": 1}',
    ],
)  # fmt: skip
def test_an_answer_of_another_form_is_malformed(stage, api, call, body):
    stage.fail(call, Reply(200, body))
    error = failed(api, call)
    assert (error.fault, error.http_status) == (Fault.MALFORMED, 200)


@pytest.mark.parametrize("call", TELLING)
def test_an_answer_without_end_is_not_read_to_its_end(stage, api, call):
    stage.fail(call, Reply(200, b" " * (31 * 2**20)))
    assert failed(api, call, timeout=20).fault is Fault.MALFORMED


@pytest.mark.parametrize("call", TELLING)
def test_an_answer_that_is_cut_off_may_be_asked_for_again(call):
    with cut_off(b'{"id": "a1", "status": "COMPLETE", "overall') as url:
        assert failed(CoreApi(url, KEY, "Autonomy"), call).retryable


@pytest.mark.parametrize(
    "percent", [101, -1, "12", None, True, 0.31, 31.0, [31], 10**400, float("nan"), float("inf"), "absent"]
)
def test_only_a_whole_percentage_is_a_similarity(stage, api, percent):
    told = {"status": "COMPLETE", "overall_match_percentage": percent}
    if percent == "absent":
        del told["overall_match_percentage"]
    stage.fail("GET /submissions/{id}/similarity", Reply.json(200, told))
    assert failed(api, "GET /submissions/{id}/similarity").fault is Fault.MALFORMED


@pytest.mark.parametrize(("percent", "fraction"), [(0, 0.0), (1, 0.01), (15, 0.15), (99, 0.99), (100, 1.0)])
def test_a_percentage_is_made_a_fraction_at_the_door(stage, api, percent, fraction):
    told = {"status": "COMPLETE", "overall_match_percentage": percent, "top_matches": None}
    stage.fail("GET /submissions/{id}/similarity", Reply.json(200, told))
    assert api.similarity(ID, timeout=T) == Similarity(True, fraction, [])


@pytest.mark.parametrize("status", ["PENDING", "PROCESSING"])
def test_a_figure_that_comes_before_the_end_is_none(stage, api, status):
    stage.fail("GET /submissions/{id}/similarity", Reply.json(200, {"status": status, "overall_match_percentage": 3}))
    assert api.similarity(ID, timeout=T) == Similarity(complete=False)


def told_matches(stage: TurnitinStage, api: CoreApi, rows: object) -> list[dict[str, Any]]:
    told = {"status": "COMPLETE", "overall_match_percentage": 50, "top_matches": rows}
    stage.fail("GET /submissions/{id}/similarity", Reply.json(200, told))
    return api.similarity(ID, timeout=T).top_matches


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("Sea walls", "Sea walls"),
        ("a\r\nb\x00\x1b[31m\u2028c\x85d", "a b[31m c d"),
        ("abc\u202egnp.exe\u2066x\u200b\ufeff", "abcgnp.exex"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),  # told as text, and escaped where it is shown
        ("x" * 5000, "x" * 200),
        ("\u0000" * 300 + "end", "end"),
        ("\ud800 lone", "lone"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        (None, ""),
        (7, ""),
        (["a"], ""),
    ],
)
def test_the_name_of_a_match_is_one_harmless_line(stage, api, name, kept):
    (match,) = told_matches(stage, api, [{"name": name, "percentage": 12, "source_type": "INTERNET"}])
    assert match == {"name": kept, "similarity": 0.12, "source_type": "INTERNET", "words": None}


def test_a_match_that_cannot_be_read_does_not_cost_the_figure(stage, api):
    good = {"name": "a", "percentage": 12.5, "source_type": "PUBLICATION", "matched_word_count_total": 40}
    kept = {"name": "a", "similarity": 0.125, "source_type": "PUBLICATION", "words": 40}
    bad = [{**good, "percentage": percent} for percent in (101, -1, "12", None, True, 10**400, [])]
    assert told_matches(stage, api, [*bad, 7, None, "x", [], good]) == [kept]
    odd = {**good, "source_type": "<b>", "matched_word_count_total": -4}
    assert told_matches(stage, api, [odd]) == [{**kept, "source_type": "", "words": None}]
    assert len(told_matches(stage, api, [good] * 50)) == 10
    for rows in ({}, "rows", 7, None):
        assert told_matches(stage, api, rows) == []


@pytest.mark.parametrize(
    "code", ["<script>", "x" * 500, "lower case", f"{'A' * 70}", 7, None, ["CORRUPT_FILE"], "A\nB"]
)
def test_an_error_code_is_a_word_in_capitals_or_none(stage, api, code):
    stage.fail("GET /submissions/{id}", Reply.json(200, {"status": "ERROR", "error_code": code}))
    assert api.submission(ID, timeout=T) == SubmissionStatus("ERROR", "")


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)", "http://turnitin.example.org/x", "//example.org", "https://", "ftp://example.org/", "",
        "https://a b.org/", 'https://example.org/"onload="', "https://example.org/<b>", "https://me:pw@example.org/",
        "https://example.org\\@evil.org/", "https://exämple.org/", "https://example.org/\n", "https://[::1", 7, None,
        "https://example.org:99999/", "https://example.org/" + "x" * 5000, " https://example.org/", "/relative",
    ],
)  # fmt: skip
def test_a_person_is_sent_to_https_only(stage, api, url):
    stage.fail("POST /submissions/{id}/viewer-url", Reply.json(200, {"viewer_url": url}))
    assert failed(api, "POST /submissions/{id}/viewer-url").fault is Fault.MALFORMED
    stage.fail("GET /eula/latest", Reply.json(200, {"version": "v1", "url": url}))
    assert failed(api, "GET /eula/latest").fault is Fault.MALFORMED


def test_the_viewers_address_is_taken_as_it_is(stage, api):
    url = "https://sample.turnitin.example.org/viewer/a1?token=x%2By&lang=en-US#top"
    stage.fail("POST /submissions/{id}/viewer-url", Reply.json(200, {"viewer_url": url}))
    assert api.viewer_url(ID, user_id="mara", timeout=T) == url


@pytest.mark.parametrize("version", ["", "..", "a/b", "v1?x", "v 1", "x" * 65, "v1\n", 1, None])
def test_a_version_that_could_lead_elsewhere_is_none(stage, api, version):
    stage.fail("GET /eula/latest", Reply.json(200, {"version": version, "url": "https://example.org/"}))
    assert failed(api, "GET /eula/latest").fault is Fault.MALFORMED
    if isinstance(version, str):
        with pytest.raises(AttemptFailed, match="nothing was sent"):
            api.accept_licence(Acceptance(version, OWNER, "en-US", WHEN), timeout=T)
    assert [request.path for request in stage.requests] == ["/eula/latest"]


@pytest.mark.parametrize(
    "bad", ["", "..", "../webhooks", "a/b", "a%2fb", "a?b", "a#b", "a b", "é", "x" * 65, "a\n", "１"]
)
def test_an_id_from_outside_leads_nowhere_else(stage, api, bad):
    calls: list[Callable[[], Any]] = [
        lambda: api.upload(bad, "a.docx", b"docx", timeout=T),
        lambda: api.submission(bad, timeout=T),
        lambda: api.ask_for_similarity(bad, SCAN, timeout=T),
        lambda: api.similarity(bad, timeout=T),
        lambda: api.viewer_url(bad, user_id="mara", timeout=T),
        lambda: api.ask_for_pdf(bad, timeout=T),
        lambda: api.pdf_status(bad, ID, timeout=T),
        lambda: api.pdf_status(ID, bad, timeout=T),
        lambda: api.pdf(bad, ID, timeout=T),
        lambda: api.pdf(ID, bad, timeout=T),
        lambda: api.delete_webhook(bad, timeout=T),
    ]
    for call in calls:
        with pytest.raises(AttemptFailed, match="nothing was sent") as caught:
            call()
        assert caught.value.fault is Fault.REFUSED
    assert stage.requests == []
    stage.fail("POST /submissions", Reply.json(201, {"id": bad}))
    assert failed(api, "POST /submissions").fault is Fault.MALFORMED


def test_what_is_no_pdf_is_none(stage, api):
    for body in (b"<html>", b"", b" %PDF"):
        stage.fail("GET /submissions/{id}/similarity/pdf/{pdf_id}", Reply(200, body))
        assert failed(api, "GET /submissions/{id}/similarity/pdf/{pdf_id}").fault is Fault.MALFORMED


def test_webhooks_of_others_that_cannot_be_read_are_left_out(stage, api):
    stage.fail("GET /webhooks", Reply.json(200, [[], 7]))
    assert api.webhooks(timeout=T) == []
    rows = [7, {}, {"id": "../x", "url": HOOK}, {"id": ID, "url": None}, {"id": ID, "url": HOOK, "event_types": "PDF"}]
    stage.fail("GET /webhooks", Reply.json(200, rows))
    (found,) = api.webhooks(timeout=T)
    assert (found.id, found.url, found.event_types) == (ID, HOOK, ())


def test_features_are_words_in_capitals_each_once(stage, api):
    told = {"similarity": {"generation_settings": {"search_repositories": ["INTERNET", 7, "<b>", "INTERNET", None]}}}
    stage.fail("GET /features-enabled", Reply.json(200, told), Reply.json(200, told | {"tenant": {"require_eula": 1}}))
    found = api.features(timeout=T)
    assert (found.repositories, found.requires_licence, found.viewer_permission_sets) == (("INTERNET",), False, ())
    assert failed(api, "GET /features-enabled").fault is Fault.MALFORMED


def test_an_address_that_is_none_is_refused_before_anything_is_sent():
    for base_url in ("", "nonsense", "ftp://127.0.0.1/api/v1"):
        assert failed(CoreApi(base_url, KEY, "Autonomy"), "GET /features-enabled").fault is Fault.REFUSED


# --- secrets ---


@pytest.mark.parametrize("call", CALLS)
def test_the_key_is_in_no_error_and_in_no_log(stage, caplog, call):
    secrets = Secrets()
    key = secrets["turnitin"]
    stage.key = key
    api = CoreApi(stage.base_url, key, "Autonomy")
    caplog.set_level(logging.DEBUG)
    told: list[str] = [repr(api), repr(vars(api))]
    echo = {"status": key, "message": secrets.told(), "error": {"message": key, "code": key}}
    for fault in (*(Reply.json(status, echo) for status in (200, 400, 403, 404, 409, 429, 451, 500)), "reset", "drop"):
        stage.fail(call, fault)
        try:
            told.append(repr(CALLS[call](api)))
        except AttemptFailed as error:
            told += [error.reason, repr(error), "".join(traceback.format_exception(error))]
    told += [record.getMessage() for record in caplog.records]
    assert stage.requests[-1].headers["authorization"] == f"Bearer {key}"
    assert secrets.among("\n".join(told)) == set()


def test_a_key_that_turnitin_writes_into_a_name_is_taken_out(stage, api, settings):
    redaction.configure([KEY])
    try:
        (match,) = told_matches(stage, api, [{"name": f"by {KEY}", "percentage": 12, "source_type": "INTERNET"}])
        assert match["name"] == f"by {REDACTED}"
        stage.fail("POST /submissions/{id}/viewer-url", Reply.json(200, {"viewer_url": f"https://a.example.org/{KEY}"}))
        assert failed(api, "POST /submissions/{id}/viewer-url").fault is Fault.MALFORMED
    finally:
        redaction.configure(settings.ENV.secrets() | {settings.SECRET_KEY})


@contextmanager
def cut_off(body: bytes) -> Iterator[str]:
    """A server that promises more than it sends."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + body)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/api/v1"
    thread.join(5)
    listener.close()

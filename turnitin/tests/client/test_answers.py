"""What Turnitin answers is read without trust."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from autonomy.providers.attempt import AttemptFailed, Fault
from autonomy.telemetry import redaction
from autonomy.telemetry.redaction import REDACTED
from turnitin.core_api.client import (
    Acceptance,
    CoreApi,
    Similarity,
    SubmissionStatus,
)
from turnitin.stage import Reply, TurnitinStage
from turnitin.tests.client.calls import (
    HOOK,
    ID,
    KEY,
    OWNER,
    SCAN,
    TELLING,
    WHEN,
    T,
    failed,
)


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
    # A PDF that is too large stays too large: it is not asked for again.
    expected = Fault.REFUSED if call.endswith("/pdf/{pdf_id}") else Fault.MALFORMED
    assert failed(api, call, timeout=20).fault is expected


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
    assert api.viewer_url(ID, user_id="mara", may_save=False, timeout=T) == url


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
        lambda: api.viewer_url(bad, user_id="mara", may_save=False, timeout=T),
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
    assert (found.repositories, found.requires_licence) == (("INTERNET",), False)
    assert failed(api, "GET /features-enabled").fault is Fault.MALFORMED


def test_an_address_that_is_none_is_refused_before_anything_is_sent():
    for base_url in ("", "nonsense", "ftp://127.0.0.1/api/v1"):
        assert failed(CoreApi(base_url, KEY, "Autonomy"), "GET /features-enabled").fault is Fault.REFUSED


def test_a_key_that_turnitin_writes_into_a_name_is_taken_out(stage, api, settings):
    redaction.configure([KEY])
    try:
        (match,) = told_matches(stage, api, [{"name": f"by {KEY}", "percentage": 12, "source_type": "INTERNET"}])
        assert match["name"] == f"by {REDACTED}"
        stage.fail("POST /submissions/{id}/viewer-url", Reply.json(200, {"viewer_url": f"https://a.example.org/{KEY}"}))
        assert failed(api, "POST /submissions/{id}/viewer-url").fault is Fault.MALFORMED
    finally:
        redaction.configure(settings.ENV.secrets() | {settings.SECRET_KEY})

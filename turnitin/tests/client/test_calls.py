"""Turnitin's Core API is asked as it wants to be asked."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest

from autonomy.providers.attempt import AttemptFailed, Fault
from turnitin.core_api.client import (
    CoreApi,
    LicenceNotAccepted,
    Similarity,
    SubmissionStatus,
)
from turnitin.stage import Reply
from turnitin.tests.client.calls import (
    AGREED,
    CALLS,
    CYCLE,
    HOOK,
    ID,
    KEY,
    OWNER,
    RUN,
    SCAN,
    SECRET,
    T,
    new,
)


def uploaded(api: CoreApi) -> str:
    submission = api.create(new(), timeout=T)
    api.upload(submission, "essay-1.docx", b"docx", timeout=T)
    return submission


def scanned(api: CoreApi) -> str:
    submission = uploaded(api)
    assert api.submission(submission, timeout=T).status == "COMPLETE"
    api.ask_for_similarity(submission, SCAN, timeout=T)
    return submission


def test_a_document_goes_all_the_way_and_its_figure_is_a_fraction(stage, api):
    submission = api.create(new(), timeout=T)
    assert api.submission(submission, timeout=T) == SubmissionStatus("CREATED")
    api.upload(submission, "essay-0000-1.docx", b"docx", timeout=T)
    assert api.submission(submission, timeout=T) == SubmissionStatus("COMPLETE")
    assert api.similarity(submission, timeout=T) == Similarity(complete=False, asked=False)
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
        assert api.similarity(submission, timeout=T) == Similarity(complete=False, asked=False)


def test_the_viewer_is_opened_for_a_person(stage, api):
    submission = scanned(api)
    assert api.viewer_url(submission, user_id="autonomy-3", may_save=False, timeout=T).startswith("http://127.0.0.1")
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
    with pytest.raises(LicenceNotAccepted, match="licence is not accepted") as caught:
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

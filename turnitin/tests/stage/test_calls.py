"""The stage of Turnitin's Core API answers as Turnitin does."""

from __future__ import annotations

import httpx
import pytest

from turnitin.stage import TurnitinStage
from turnitin.tests.stage.asking import ASKED, KEY, OWNER, eventually, refused

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

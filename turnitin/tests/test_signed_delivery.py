"""Deliveries without an account: only what is signed with the secret, over the bytes as they came, and lately."""

from __future__ import annotations

import hashlib
import hmac
import json
import time

import pytest
from pydantic import SecretStr
from rest_framework.test import APIClient

from autonomy.models import Episode, Job
from autonomy.tests.clients import client_of
from autonomy.tests.factories import RunFactory, UserFactory
from turnitin.models import Cycle, Report
from turnitin.tests.callers import SECRET, address_of, body_for, deliver_signed, send, signed, uploader

pytestmark = pytest.mark.django_db


@pytest.fixture
def cycle(env) -> Cycle:
    env(turnitin_delivery_secret=SecretStr(SECRET))
    return Cycle.objects.create(
        run=RunFactory(status="waiting_human", route="turnitin_pause"), number=1, target_similarity=0.15
    )


@pytest.fixture
def refused(grown, cycle):
    """That a call was refused: 401 with a challenge, counted once for this reason, and nothing stored."""

    def check(answer, reason: str, hint: str) -> None:
        assert (answer.status_code, answer.json()["code"]) == (401, "signature_refused")
        assert hint in answer.json()["message"]
        assert answer["WWW-Authenticate"] == "Signature"
        assert grown("autonomy_signatures_refused_total", door="report", reason=reason) == 1
        assert [model.objects.count() for model in (Report, Job, Episode)] == [0, 0, 0]
        cycle.refresh_from_db()
        assert cycle.state == "awaiting_report"

    return check


def test_a_signed_delivery_is_taken_for_any_run_and_belongs_to_no_account(cycle):
    answer = deliver_signed(cycle)
    assert (answer.status_code, answer.json()["state"]) == (200, "report_ready")
    report = Report.objects.get()
    assert (report.via, report.delivered_by) == ("signed", None)
    assert Episode.objects.get(kind="report_received").data["via"] == "signed"


def test_the_signature_is_a_plain_hmac_of_the_timestamp_a_dot_and_the_body(cycle):
    body, at = json.dumps(body_for(cycle)).encode(), str(int(time.time()))
    by_hand = hmac.new(SECRET.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
    headers = {"X-Autonomy-Timestamp": at, "X-Autonomy-Signature": by_hand}
    assert send(cycle, body, headers).status_code == 200


def test_the_same_signed_call_again_is_a_double(cycle):
    body = json.dumps(body_for(cycle)).encode()
    headers = signed(body)
    first, again = send(cycle, body, headers), send(cycle, body, headers)
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert (Report.objects.count(), Job.objects.count()) == (1, 1)


def test_a_signature_over_json_that_was_written_anew_is_refused(cycle, refused):
    sent = json.dumps(body_for(cycle), indent=1).encode()
    refused(send(cycle, sent, signed(json.dumps(json.loads(sent)).encode())), "wrong", "not right")


def test_a_body_that_was_changed_on_its_way_is_refused(cycle, refused):
    body = json.dumps(body_for(cycle)).encode()
    refused(send(cycle, body.replace(b"0.1}", b"0.2}"), signed(body)), "wrong", "not right")


def test_another_secret_is_refused(cycle, refused):
    body = json.dumps(body_for(cycle)).encode()
    refused(send(cycle, body, signed(body, secret=SECRET.upper())), "wrong", "not right")


@pytest.mark.parametrize("away", [-301, 301, -86_400])
def test_a_timestamp_too_far_from_our_clock_is_refused(cycle, refused, away):
    body = json.dumps(body_for(cycle)).encode()
    refused(send(cycle, body, signed(body, timestamp=int(time.time()) + away)), "stale", "300 seconds")


@pytest.mark.parametrize("away", [-290, 290])
def test_clocks_may_differ_by_some_minutes(cycle, away):
    body = json.dumps(body_for(cycle)).encode()
    assert send(cycle, body, signed(body, timestamp=int(time.time()) + away)).status_code == 200


def test_another_timestamp_than_the_one_that_was_signed_is_refused(cycle, refused):
    body = json.dumps(body_for(cycle)).encode()
    old = signed(body, timestamp=int(time.time()) - 1000)
    refused(send(cycle, body, old | {"X-Autonomy-Timestamp": str(int(time.time()))}), "wrong", "not right")


@pytest.mark.parametrize("timestamp", ["now", "1e9", "-5", "12.5", "9" * 13, "+1764000000", " ", "\u0661\u0662"])
def test_a_timestamp_that_is_no_number_of_seconds_is_refused_also_with_a_right_signature(cycle, refused, timestamp):
    body = json.dumps(body_for(cycle)).encode()
    answer = send(cycle, body, signed(body, timestamp=timestamp))
    assert answer.status_code == 401
    assert not Report.objects.exists()


@pytest.mark.parametrize("missing", ["X-Autonomy-Timestamp", "X-Autonomy-Signature"])
def test_one_header_of_the_two_is_refused(cycle, refused, missing):
    body = json.dumps(body_for(cycle)).encode()
    headers = {name: value for name, value in signed(body).items() if name != missing}
    refused(send(cycle, body, headers), "missing", "both headers")


@pytest.mark.parametrize("spoilt", [str.upper, lambda it: f"sha256={it}", lambda it: it[:-1], lambda it: f"{it[:-1]}é"])
def test_a_signature_in_another_form_is_refused(cycle, refused, spoilt):
    body = json.dumps(body_for(cycle)).encode()
    headers = signed(body)
    headers["X-Autonomy-Signature"] = spoilt(headers["X-Autonomy-Signature"])
    refused(send(cycle, body, headers), "wrong", "not right")


@pytest.mark.parametrize("secret", [SECRET, "", "None"])
def test_without_a_secret_no_signature_is_right(cycle, refused, env, secret):
    env(turnitin_delivery_secret=None)
    body = json.dumps(body_for(cycle)).encode()
    refused(send(cycle, body, signed(body, secret=secret)), "no_secret", "not right")


def test_a_token_does_not_make_a_wrong_signature_right(cycle, refused):
    client = client_of(uploader())
    body = json.dumps(body_for(cycle)).encode()
    headers = signed(body, secret="another secret altogether, and a long one")
    answer = client.post(address_of(cycle), body, content_type="application/json", headers=headers)
    refused(answer, "wrong", "not right")


def test_with_both_the_signature_counts_and_not_the_token(cycle):
    client = client_of(UserFactory())  # who may not deliver
    body = json.dumps(body_for(cycle)).encode()
    answer = client.post(address_of(cycle), body, content_type="application/json", headers=signed(body))
    assert answer.status_code == 200
    assert Report.objects.get().delivered_by is None


def test_with_neither_a_token_is_asked_for(cycle, grown):
    answer = APIClient().post(address_of(cycle), body_for(cycle), format="json")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert answer["WWW-Authenticate"] == "Token"


def test_nothing_is_parsed_before_the_signature_is_right(cycle, refused):
    refused(send(cycle, b"[" * 30_000, signed(b"else")), "wrong", "not right")


def test_what_is_signed_is_held_to_the_same_rules(cycle):
    assert deliver_signed(cycle, observed_similarity=15).status_code == 400
    another = Cycle.objects.create(run=RunFactory(), number=1, target_similarity=0.15)
    body = json.dumps(body_for(cycle)).encode()
    assert send(another, body, signed(body)).status_code == 404, "signed for a cycle of another run"
    assert not Report.objects.exists()


def test_a_signature_opens_no_other_door(cycle):
    body = json.dumps(body_for(cycle)).encode()
    for path in (f"/api/v2/runs/{cycle.run_id}", f"/api/v2/turnitin/{cycle.run_id}/cycles/1/document.md"):
        assert APIClient().get(path, headers=signed(body)).status_code == 401
    assert APIClient().post(f"/api/v2/runs/{cycle.run_id}/cancel", headers=signed(b"")).status_code == 401


def test_neither_log_nor_answer_tells_the_secret_or_a_right_signature(cycle, caplog, capfd):
    body = json.dumps(body_for(cycle)).encode()
    right = signed(body)["X-Autonomy-Signature"]
    with caplog.at_level("DEBUG"):
        answers = [send(cycle, body, signed(body, secret="x" * 40)), send(cycle, body, {"X-Autonomy-Timestamp": "1"})]
    told = "".join([caplog.text, *capfd.readouterr(), *(answer.content.decode() for answer in answers)])
    assert SECRET not in told
    assert right not in told

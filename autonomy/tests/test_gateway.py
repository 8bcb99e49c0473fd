"""The language model behind the gateway, against a vendor on the stage."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from autonomy.demo.stage import Provider, faults, writer
from autonomy.demo.stage.faults import Fault
from autonomy.demo.stage.reply import Reply
from autonomy.errors import ProviderRefused, ProviderUnavailable, UnusableAnswer
from autonomy.models import Episode, ProviderCall, Run
from autonomy.ports import ModelAnswer, ModelRequest
from autonomy.providers.caller import Caller
from autonomy.providers.configured import language_models
from autonomy.providers.exchange import BODY_LIMIT
from autonomy.providers.gateway import Gateway

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "sk-test-1234567890"
GOOD = {"title": "Sea walls"}
SCHEMA = {
    "type": "object",
    "properties": {"title": {"type": "string"}},
    "required": ["title"],
    "additionalProperties": False,
}


class Unread:
    """Episodes nobody looks at."""

    def note(self, kind: str, message: str, **data: Any) -> None: ...

    now = note


@pytest.fixture
def vendor(vendors_stage, env, monkeypatch) -> Provider:
    """The only language model: it answers rightly what a run asks, and `GOOD` to the question of `ask`."""
    monkeypatch.setattr("autonomy.providers.retry.BASE_SECONDS", 0.01)
    env(
        openai_base_url=f"{vendors_stage.at('openai')}/v1",
        openai_api_key=SecretStr(KEY),
        openai_price_in=2.0,
        openai_price_out=8.0,
    )
    vendor = vendors_stage.provider("openai")
    vendor.writes = lambda material, most: writer.write(material, most) if "words" in material else GOOD
    return vendor


@pytest.fixture
def ask(vendor, start) -> Callable[[], ModelAnswer]:
    """One question through the gateway, outside of any job."""
    run = start()

    def ask_once() -> ModelAnswer:
        caller = Caller(
            run_id=run.pk, node="plan", episodes=Unread(), proceed=lambda: None, seconds=lambda: (900.0, 0.0)
        )
        return Gateway(language_models(), caller).answer(
            ModelRequest("plan", "Name it.", {"topic": "Sea walls"}, SCHEMA)
        )

    return ask_once


def says(status: int, body: bytes, headers: dict[str, str] | None = None) -> Fault:
    return Fault("says", lambda turn: turn.send(Reply(status, body, headers or {})))


def test_a_retry_tells_what_was_wrong_and_the_provider_s_own_wait_wins(vendor, start, work):
    vendor.then(faults.too_many(), faults.too_many(0.02, told="ms"))
    run = start()
    work()
    run.refresh_from_db()
    assert run.status == "waiting_human"
    retries = [e.data for e in Episode.objects.filter(run=run, kind="retry").order_by("seq")]
    assert [(r["event"], r["provider"], r["attempt"], r["reason"]) for r in retries] == [
        ("retry", "openai", 1, "HTTP 429: too many requests"),
        ("retry", "openai", 2, "HTTP 429: too many requests"),
    ]
    assert retries[1]["wait_seconds"] == 0.02


def test_every_attempt_is_a_row_and_the_run_s_total_is_their_sum(vendor, start, work):
    vendor.then(faults.down())
    run = start()
    work()
    calls = list(ProviderCall.objects.filter(run=run).order_by("pk"))
    assert [(c.node, c.attempt, c.outcome, c.http_status) for c in calls[:3]] == [
        ("plan", 1, "retryable", 503),
        ("plan", 2, "ok", None),
        ("draft", 1, "ok", None),
    ]
    assert calls[0].operation_id == calls[1].operation_id != calls[2].operation_id
    run.refresh_from_db()
    assert run.spent_tokens == sum(c.tokens_in + c.tokens_out for c in calls) > 0
    dollars = sum(c.tokens_in * 2 + c.tokens_out * 8 for c in calls) / 1_000_000
    assert float(run.spent_usd) == pytest.approx(dollars, abs=1e-5)


def test_a_lone_provider_is_asked_three_times_at_most(vendor, ask):
    vendor.forever(faults.server_error())
    with pytest.raises(ProviderUnavailable):
        ask()
    assert len(vendor.requests) == 3


def test_a_lone_provider_that_refuses_the_key_is_asked_once(vendor, ask):
    vendor.then(faults.bad_key())
    with pytest.raises(ProviderUnavailable, match="See the keys in the settings"):
        ask()
    assert len(vendor.requests) == 1


def test_an_answer_that_does_not_fit_is_asked_for_once_more_and_both_are_paid(vendor, ask):
    vendor.then(faults.prose())
    assert ask().content == GOOD
    assert "did not fit" in vendor.requests[1].body["messages"][0]["content"]
    run = Run.objects.get()
    calls = ProviderCall.objects.all()
    assert [call.tokens_out > 0 for call in calls] == [True, True]
    assert run.spent_tokens == sum(call.tokens_in + call.tokens_out for call in calls)


def test_an_answer_that_never_fits_fails_and_no_text_is_made_up(vendor, ask):
    vendor.forever(faults.misfit())
    with pytest.raises(UnusableAnswer, match="openai: the answer does not fit"):
        ask()
    assert len(vendor.requests) == 2


def test_usage_that_is_not_reported_is_estimated_upwards_and_marked(vendor, ask):
    vendor.then(faults.no_usage())
    ask()
    call = ProviderCall.objects.get()
    assert call.estimated
    assert call.tokens_in > len(json.dumps(vendor.requests[0].body["messages"])) / 4


def test_the_key_goes_to_the_provider_and_nowhere_else(vendor, start, work, caplog):
    caplog.set_level("DEBUG")
    vendor.then(faults.echo(429), faults.echo(400))
    start()
    work()
    assert [request.key for request in vendor.requests] == [KEY, KEY]
    kept = [str(row) for model in (Run, Episode, ProviderCall) for row in model.objects.values()]
    assert KEY not in "".join(kept) + caplog.text


def test_a_wait_too_long_for_the_call_is_handed_on_to_the_job(vendor, ask):
    vendor.then(faults.too_many(600))
    with pytest.raises(ProviderUnavailable) as caught:
        ask()
    assert caught.value.details["retry_after"] == 600.0


def test_a_wait_that_ends_behind_the_deadline_is_handed_on_to_the_job(vendor, ask, env):
    env(autonomy_provider_deadline=2)
    vendor.then(faults.too_many(5, code=503))
    with pytest.raises(ProviderUnavailable) as caught:
        ask()
    assert caught.value.details["retry_after"] == 5.0
    assert len(vendor.requests) == 1


def test_where_the_provider_names_no_wait_the_job_is_told_of_none(vendor, ask):
    vendor.forever(faults.down())
    with pytest.raises(ProviderUnavailable) as caught:
        ask()
    assert caught.value.details["retry_after"] is None


def test_a_wait_of_our_own_that_ends_behind_the_deadline_is_not_taken(vendor, ask, env, monkeypatch):
    env(autonomy_provider_deadline=5)
    monkeypatch.setattr("autonomy.providers.retry.BASE_SECONDS", 20)
    monkeypatch.setattr("random.uniform", lambda low, high: high)
    vendor.forever(faults.down())
    began = time.monotonic()
    with pytest.raises(ProviderUnavailable):
        ask()
    assert (len(vendor.requests), time.monotonic() - began < 4) == (1, True)


def test_an_attempt_is_cut_off_where_the_time_for_the_whole_call_ends(vendor, ask, env):
    env(autonomy_provider_deadline=0.3)
    vendor.forever(faults.drip())
    with pytest.raises(ProviderUnavailable, match="timed out"):
        ask()
    assert len(vendor.requests) == 1


@pytest.mark.parametrize("part", ["body", "headers"])
def test_a_provider_that_drips_is_left_when_the_time_of_the_whole_attempt_is_up(vendor, ask, env, part):
    env(autonomy_provider_timeout=0.3, autonomy_provider_attempts=1)
    vendor.then(faults.drip(part))
    began = time.monotonic()
    with pytest.raises(ProviderUnavailable, match="timed out"):
        ask()
    assert time.monotonic() - began < 2
    assert ProviderCall.objects.get().error == "timed out"


def test_an_endless_answer_is_not_read_to_its_end_and_yet_counted(vendor, ask):
    vendor.forever(says(200, b" " * (BODY_LIMIT + 1)))
    with pytest.raises(UnusableAnswer):
        ask()
    calls = ProviderCall.objects.all()
    assert [(c.error, c.estimated, c.tokens_out) for c in calls] == [("the answer is too large", True, 2000)] * 2


def test_an_error_with_an_endless_text_is_still_known_by_its_status(vendor, ask):
    vendor.then(says(400, b" " * (BODY_LIMIT + 1)))
    with pytest.raises(ProviderRefused, match="HTTP 400"):
        ask()


def test_a_redirect_is_not_followed(vendor, ask):
    vendor.then(faults.status(307, headers={"Location": "/openai/v1/chat/completions"}))
    with pytest.raises(ProviderRefused, match="HTTP 307: the address has moved"):
        ask()
    assert len(vendor.requests) == 1


def test_a_body_in_a_broken_encoding_is_a_failed_attempt(vendor, ask):
    vendor.then(says(200, b"this is not gzip", {"Content-Encoding": "gzip"}))
    assert ask().content == GOOD
    assert ProviderCall.objects.earliest("pk").outcome == "retryable"


@pytest.mark.parametrize(("status", "code"), [(429, "insufficient_quota"), (402, "")])
def test_a_used_up_quota_is_not_asked_again_within_the_call(vendor, ask, status, code):
    body = json.dumps({"error": {"code": code, "message": KEY}}).encode()
    vendor.then(says(status, body, {"Retry-After": "1"}))
    with pytest.raises(ProviderUnavailable) as caught:
        ask()
    assert len(vendor.requests) == 1
    details = caught.value.details
    assert (details["reasons"], details["retry_after"]) == ({"openai": "quota is used up"}, None)
    assert KEY not in str(caught.value)

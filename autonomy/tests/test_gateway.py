"""The language model behind the gateway, against a local server that speaks the vendor's JSON."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from autonomy.errors import ProviderRefused, ProviderUnavailable, UnusableAnswer
from autonomy.models import Episode, ProviderCall, Run
from autonomy.ports import ModelAnswer, ModelRequest
from autonomy.providers.attempt import AttemptFailed, Fault
from autonomy.providers.caller import Caller
from autonomy.providers.configured import language_models
from autonomy.providers.gateway import Gateway
from autonomy.providers.refusal import retry_after
from autonomy.tests.scripted import plan_of, write_section

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "sk-test-1234567890"


class Stage:
    """A chat-completions server; `script` holds what to answer first, then it behaves."""

    def __init__(self) -> None:
        self.script: list[tuple[int, dict[str, str], str] | Callable[[BaseHTTPRequestHandler], None]] = []
        self.bodies: list[dict] = []
        self.headers: list[dict] = []
        stage = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                stage.bodies.append(body)
                stage.headers.append(dict(self.headers))
                scripted = stage.script.pop(0) if stage.script else (200, {}, completion(answer_to(body)))
                if callable(scripted):
                    scripted(self)
                    return
                status, headers, text = scripted
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/v1"


def completion(content: object, usage: dict | None = None) -> str:
    text = content if isinstance(content, str) else json.dumps(content)
    usage = {"prompt_tokens": 1000, "completion_tokens": 500} if usage is None else usage
    choices = [{"message": {"content": text}, "finish_reason": "stop"}]
    return json.dumps({"model": "stage-1", "choices": choices, "usage": usage})


def answer_to(body: dict) -> dict:
    material = json.loads(body["messages"][1]["content"])
    if "words" not in material:
        return GOOD
    purpose = "section" if "passages" in material else "plan"
    request = ModelRequest(purpose, "", material, {})
    return plan_of(request) if purpose == "plan" else {"markdown": write_section(request)}


SCHEMA = {
    "type": "object",
    "properties": {"title": {"type": "string"}},
    "required": ["title"],
    "additionalProperties": False,
}
GOOD = {"title": "Sea walls"}


def dripping(head: bytes, drop: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    """Sends something often enough for no single read to time out, and never comes to an end."""

    def drip(handler: BaseHTTPRequestHandler) -> None:
        try:
            handler.wfile.write(head)
            for _ in range(100):
                handler.wfile.write(drop)
                time.sleep(0.05)
        except OSError:
            handler.close_connection = True

    return drip


class Unread:
    """Episodes nobody looks at."""

    def note(self, kind: str, message: str, **data: Any) -> None: ...

    now = note


@pytest.fixture
def ask(stage, start) -> Callable[[], ModelAnswer]:
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


@pytest.fixture
def env(settings) -> Callable[..., None]:
    def change(**values: object) -> None:
        settings.ENV = settings.ENV.model_copy(update=values)

    return change


@pytest.fixture
def stage(settings, monkeypatch) -> Iterator[Stage]:
    stage = Stage()
    settings.ENV = settings.ENV.model_copy(
        update={
            "openai_base_url": stage.url,
            "openai_api_key": SecretStr(KEY),
            "openai_price_in": 2.0,
            "openai_price_out": 8.0,
        }
    )
    monkeypatch.setattr("autonomy.providers.retry.BASE_SECONDS", 0.01)
    yield stage
    stage.server.shutdown()
    stage.server.server_close()


def test_two_429s_and_then_an_answer_need_nobody_and_leave_two_retry_episodes(stage, start, work):
    stage.script = [(429, {}, "slow down"), (429, {"retry-after-ms": "20"}, "slow down")]
    run = start()
    work()
    run.refresh_from_db()
    assert run.status == "waiting_human"
    retries = [e.data for e in Episode.objects.filter(run=run, kind="retry").order_by("seq")]
    assert [(r["event"], r["provider"], r["attempt"], r["reason"]) for r in retries] == [
        ("retry", "openai", 1, "HTTP 429: too many requests"),
        ("retry", "openai", 2, "HTTP 429: too many requests"),
    ]
    assert retries[1]["wait_seconds"] == 0.02, "the provider's own wait wins"


def test_every_attempt_is_a_row_and_the_run_s_total_is_their_sum(stage, start, work):
    stage.script = [(503, {}, "")]
    run = start()
    work()
    calls = list(ProviderCall.objects.filter(run=run).order_by("pk"))
    assert [(c.node, c.attempt, c.outcome, c.http_status) for c in calls] == [
        ("plan", 1, "retryable", 503),
        ("plan", 2, "ok", None),
        ("draft", 1, "ok", None),
    ]
    assert calls[0].operation_id == calls[1].operation_id != calls[2].operation_id
    run.refresh_from_db()
    assert run.spent_tokens == 3000
    assert float(run.spent_usd) == pytest.approx(2 * (1000 * 2 + 500 * 8) / 1_000_000)


def test_the_same_provider_is_asked_at_most_three_times_a_call(stage, start, work):
    stage.script = [(500, {}, "")] * 3
    run = start()
    work()
    assert len(stage.bodies) == 3
    assert Episode.objects.get(run=run, kind="run_failed").data["code"] == "provider_unavailable"


@pytest.mark.parametrize("status", [400, 401, 404, 422])
def test_a_refusal_is_final_and_never_retried(stage, start, work, status):
    stage.script = [(status, {}, f"bad key {KEY}")]
    run = start()
    work()
    run.refresh_from_db()
    assert len(stage.bodies) == 1
    assert (run.status, f"HTTP {status}" in run.reason) == ("failed", True)


def test_a_wait_longer_than_the_cap_is_not_taken(stage, start, work):
    stage.script = [(429, {"Retry-After": "600"}, "")]
    run = start()
    work()
    assert len(stage.bodies) == 1
    assert Episode.objects.filter(run=run, kind="step_failed").exists()


def test_an_answer_that_does_not_fit_is_asked_for_once_more_and_both_are_paid(stage, start, work):
    stage.script = [(200, {}, completion("this is not JSON"))]
    run = start()
    work()
    run.refresh_from_db()
    assert run.status == "waiting_human"
    assert "did not fit" in stage.bodies[1]["messages"][0]["content"]
    assert run.spent_tokens == 4500


def test_an_answer_that_never_fits_fails_and_no_text_is_made_up(stage, start, work):
    stage.script = [(200, {}, completion({"wrong": 1}))] * 2
    run = start()
    work()
    assert Episode.objects.get(run=run, kind="run_failed").data["code"] == "unusable_answer"


def test_usage_that_is_not_reported_is_estimated_upwards_and_marked(stage, start, work):
    plan = plan_of(ModelRequest("plan", "", {}, {}))
    stage.script = [(200, {}, completion(plan, usage={}))]
    run = start()
    work()
    call = ProviderCall.objects.filter(run=run).earliest("pk")
    assert call.estimated
    assert call.tokens_in > len(json.dumps(stage.bodies[0]["messages"])) / 4


def test_the_key_goes_to_the_provider_and_nowhere_else(stage, start, work, caplog):
    caplog.set_level("DEBUG")
    stage.script = [(429, {}, KEY), (400, {}, f"your key {KEY} is wrong")]
    start()
    work()
    assert stage.headers[0]["Authorization"] == f"Bearer {KEY}"
    kept = [str(row) for model in (Run, Episode, ProviderCall) for row in model.objects.values()]
    assert KEY not in "".join(kept) + caplog.text


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "2"}, 2.0),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "9" * 400}, 86400.0),
        ({"retry-after-ms": "inf"}, 86400.0),
        ({"retry-after-ms": "nan"}, None),
        ({"retry-after": "-5"}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 +99999999999999999999"}, None),
        ({}, None),
    ],
)
def test_the_provider_s_wish_to_wait_is_read_in_all_its_forms(headers, seconds):
    assert retry_after(httpx.Headers(headers)) == seconds


def test_a_failed_attempt_never_carries_the_provider_s_text():
    assert "secret" not in str(AttemptFailed("HTTP 400", Fault.REFUSED))


def test_a_wait_too_long_for_the_call_is_handed_on_to_the_job(stage, ask):
    stage.script = [(429, {"Retry-After": "600"}, "")]
    with pytest.raises(ProviderUnavailable) as caught:
        ask()
    assert caught.value.details["retry_after"] == 600.0


def test_a_wait_that_ends_behind_the_deadline_is_handed_on_to_the_job(stage, ask, env):
    env(autonomy_provider_deadline=2)
    stage.script = [(503, {"Retry-After": "5"}, "")]
    with pytest.raises(ProviderUnavailable) as caught:
        ask()
    assert caught.value.details["retry_after"] == 5.0
    assert len(stage.bodies) == 1


def test_where_the_provider_names_no_wait_the_job_is_told_of_none(stage, ask):
    stage.script = [(503, {}, "")] * 3
    with pytest.raises(ProviderUnavailable) as caught:
        ask()
    assert caught.value.details["retry_after"] is None


def test_a_wait_of_our_own_that_ends_behind_the_deadline_is_not_taken(stage, ask, env, monkeypatch):
    env(autonomy_provider_deadline=5)
    monkeypatch.setattr("autonomy.providers.retry.BASE_SECONDS", 20)
    monkeypatch.setattr("random.uniform", lambda low, high: high)
    stage.script = [(503, {}, "")] * 3
    began = time.monotonic()
    with pytest.raises(ProviderUnavailable):
        ask()
    assert (len(stage.bodies), time.monotonic() - began < 4) == (1, True)


def test_an_attempt_is_cut_off_where_the_time_for_the_whole_call_ends(stage, ask, env):
    env(autonomy_provider_deadline=0.3)
    stage.script = [dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b" ")]
    with pytest.raises(ProviderUnavailable, match="timed out"):
        ask()
    assert len(stage.bodies) == 1


@pytest.mark.parametrize(
    ("head", "drop"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b" "),
        (b"HTTP/1.1 200 OK\r\n", b"X-Drop: 1\r\n"),
    ],
    ids=["body", "headers"],
)
def test_a_provider_that_drips_is_left_when_the_time_of_the_whole_attempt_is_up(stage, ask, env, head, drop):
    env(autonomy_provider_timeout=0.3, autonomy_provider_attempts=1)
    stage.script = [dripping(head, drop)]
    began = time.monotonic()
    with pytest.raises(ProviderUnavailable, match="timed out"):
        ask()
    assert time.monotonic() - began < 2
    assert ProviderCall.objects.get().error == "timed out"


def test_an_endless_answer_is_not_read_to_its_end_and_yet_counted(stage, ask):
    stage.script = [(200, {}, " " * (8 * 2**20 + 1))] * 2
    with pytest.raises(UnusableAnswer):
        ask()
    calls = ProviderCall.objects.all()
    assert [(c.error, c.estimated, c.tokens_out) for c in calls] == [("the answer is too large", True, 2000)] * 2


def test_an_error_with_an_endless_text_is_still_known_by_its_status(stage, ask):
    stage.script = [(400, {}, " " * (8 * 2**20 + 1))]
    with pytest.raises(ProviderRefused, match="HTTP 400"):
        ask()


def test_a_redirect_is_not_followed(stage, ask):
    stage.script = [(307, {"Location": f"{stage.url}/chat/completions"}, "")]
    with pytest.raises(ProviderRefused, match="HTTP 307: the address has moved"):
        ask()
    assert len(stage.bodies) == 1


def test_a_body_in_a_broken_encoding_is_a_failed_attempt(stage, ask):
    stage.script = [(200, {"Content-Encoding": "gzip"}, "this is not gzip")]
    assert ask().content == GOOD
    assert ProviderCall.objects.earliest("pk").outcome == "retryable"


@pytest.mark.parametrize(("status", "code"), [(429, "insufficient_quota"), (402, "")])
def test_a_used_up_quota_is_not_asked_again_within_the_call(stage, ask, status, code):
    body = {"error": {"code": code, "message": KEY}}
    stage.script = [(status, {"Retry-After": "1"}, json.dumps(body))]
    with pytest.raises(ProviderUnavailable) as caught:
        ask()
    assert len(stage.bodies) == 1
    details = caught.value.details
    assert (details["reasons"], details["retry_after"]) == ({"openai": "quota is used up"}, None)
    assert KEY not in str(caught.value)

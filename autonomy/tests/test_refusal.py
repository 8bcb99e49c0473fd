"""What a status other than 200 means, vendor by vendor."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from autonomy.providers import refusal
from autonomy.providers.attempt import AttemptFailed, Fault
from autonomy.providers.exchange import Reply

SECRET = "sk-very-secret"


def refused(status: int, body: Any = "", headers: dict[str, str] | None = None) -> AttemptFailed:
    text = body if isinstance(body, str) else json.dumps(body)
    return refusal.of(Reply(status, httpx.Headers(headers or {}), text.encode(), True))


def openai(code: str | None, kind: str = "invalid_request_error", message: str = SECRET) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def anthropic(kind: str, message: str = SECRET, **more: Any) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message, **more}, "request_id": "req_1"}


def google(code: int, status: str, *details: Any, message: str = SECRET) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status, "details": list(details)}}


def used_up(*quotas: str) -> dict[str, Any]:
    violations = [{"quotaMetric": "generate_content", "quotaId": quota} for quota in quotas]
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": violations}


DAY, MINUTE = "GenerateRequestsPerDayPerProjectPerModel-FreeTier", "GenerateRequestsPerMinutePerProjectPerModel"
BAD_KEY = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}


@pytest.mark.parametrize(
    ("status", "body", "fault"),
    [
        # OpenAI, and those who speak like it
        (400, openai(None), Fault.REFUSED),
        (400, openai("context_length_exceeded"), Fault.OVERFLOW),
        (401, openai("invalid_api_key"), Fault.KEY),
        (403, openai("unsupported_country_region_territory"), Fault.KEY),
        (404, openai("model_not_found"), Fault.REFUSED),
        (413, openai(None), Fault.OVERFLOW),
        (422, openai(None), Fault.REFUSED),
        (429, openai("rate_limit_exceeded", "requests"), Fault.TRANSIENT),
        (429, openai("insufficient_quota", "insufficient_quota"), Fault.QUOTA),
        (429, openai(None, "Insufficient_Quota"), Fault.QUOTA),
        (429, openai("billing_hard_limit_reached"), Fault.QUOTA),
        (403, openai("insufficient_quota"), Fault.QUOTA),
        (402, {}, Fault.QUOTA),
        (500, openai(None, "server_error"), Fault.TRANSIENT),
        (503, "", Fault.TRANSIENT),
        (400, {"object": "error", "message": "This model's maximum context length is 4096 tokens."}, Fault.OVERFLOW),
        (400, {"error": {"code": 400, "type": "exceed_context_size_error", "n_ctx": 4096}}, Fault.OVERFLOW),
        # Anthropic
        (400, anthropic("invalid_request_error"), Fault.REFUSED),
        (400, anthropic("invalid_request_error", "prompt is too long: 208656 tokens > 200000 maximum"), Fault.OVERFLOW),
        (400, anthropic("invalid_request_error", "input length and `max_tokens` exceed context limit: 178959 + 64000"),
         Fault.OVERFLOW),
        (400, anthropic("invalid_request_error", "Your credit balance is too low to access the API."), Fault.QUOTA),
        (400, anthropic("invalid_request_error", "You have reached your specified API usage limits."), Fault.QUOTA),
        (401, anthropic("authentication_error"), Fault.KEY),
        (402, anthropic("billing_error"), Fault.QUOTA),
        (403, anthropic("billing_error"), Fault.QUOTA),
        (403, anthropic("permission_error"), Fault.KEY),
        (404, anthropic("not_found_error"), Fault.REFUSED),
        (409, anthropic("conflict_error"), Fault.TRANSIENT),
        (413, anthropic("request_too_large"), Fault.OVERFLOW),
        (429, anthropic("rate_limit_error"), Fault.TRANSIENT),
        (429, anthropic("rate_limit_error", details={"error_code": "enforced_spend_limit_reached"}), Fault.QUOTA),
        (500, anthropic("api_error"), Fault.TRANSIENT),
        (529, anthropic("overloaded_error"), Fault.TRANSIENT),
        # Google
        (400, google(400, "INVALID_ARGUMENT"), Fault.REFUSED),
        (400, google(400, "INVALID_ARGUMENT", BAD_KEY), Fault.KEY),
        (400, google(400, "INVALID_ARGUMENT", message="The input token count (1200293) exceeds the maximum number of "
                     "tokens allowed (1048576)."), Fault.OVERFLOW),
        (403, google(403, "PERMISSION_DENIED"), Fault.KEY),
        (404, google(404, "NOT_FOUND"), Fault.REFUSED),
        (429, google(429, "RESOURCE_EXHAUSTED"), Fault.TRANSIENT),
        (429, google(429, "RESOURCE_EXHAUSTED", used_up(MINUTE)), Fault.TRANSIENT),
        (429, google(429, "RESOURCE_EXHAUSTED", used_up(MINUTE, DAY)), Fault.QUOTA),
        (429, [google(429, "RESOURCE_EXHAUSTED", used_up(DAY))], Fault.QUOTA),
        (429, google(429, "RESOURCE_EXHAUSTED", {"metadata": {"quota_limit": DAY}}), Fault.QUOTA),
        (500, google(500, "INTERNAL"), Fault.TRANSIENT),
        (503, google(503, "UNAVAILABLE"), Fault.TRANSIENT),
        # anybody
        (307, "", Fault.REFUSED),
        (408, "", Fault.TRANSIENT),
        (418, "", Fault.REFUSED),
    ],
)  # fmt: skip
def test_a_refusal_is_of_the_kind_its_vendor_means(status, body, fault):
    failed = refused(status, body)
    assert (failed.fault, failed.http_status) == (fault, status)
    assert SECRET not in str(failed) + failed.reason


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (307, "HTTP 307: the address has moved"),
        (400, "HTTP 400: the request was refused"),
        (401, "HTTP 401: the key was refused"),
        (402, "quota is used up"),
        (403, "HTTP 403: the key was refused"),
        (404, "HTTP 404: the model or the address does not exist"),
        (413, "HTTP 413: the request is longer than the model takes"),
        (418, "HTTP 418"),
        (422, "HTTP 422: the request was refused"),
        (429, "HTTP 429: too many requests"),
        (503, "HTTP 503: service unavailable"),
        (529, "HTTP 529: overloaded"),
        (599, "HTTP 599"),
    ],
)
def test_a_refusal_says_what_its_status_means(status, reason):
    assert refused(status, f"bad key {SECRET}").reason == reason


@pytest.mark.parametrize(
    "body",
    ["", "{}", "[]", "null", "7", '{"error": "insufficient_quota"}', '{"error": {"code": []}}', "[" * 9999, "\x00",
     '{"error": {"details": [7, {"violations": 7}, {"violations": [7, {}]}, {"metadata": 7}], "message": 7}}'],
)  # fmt: skip
def test_any_other_429_is_only_a_wait(body):
    assert refused(429, body).fault is Fault.TRANSIENT


def test_a_phrase_that_means_something_elsewhere_means_nothing_with_a_status_of_the_server_s_own():
    assert refused(500, openai("context_length_exceeded", message="prompt is too long")).fault is Fault.TRANSIENT


def test_google_s_wish_to_wait_is_read_from_the_body():
    retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "37.5s"}
    assert refused(429, google(429, "RESOURCE_EXHAUSTED", retry)).retry_after == 37.5
    assert refused(429, google(429, "RESOURCE_EXHAUSTED", retry), {"retry-after": "2"}).retry_after == 2


@pytest.mark.parametrize(("delay", "seconds"), [("999999999s", 86400), ("soon", None), (5, None), ("-5s", None)])
def test_a_wish_to_wait_that_cannot_be_is_none(delay, seconds):
    assert refused(429, google(429, "RESOURCE_EXHAUSTED", {"retryDelay": delay})).retry_after == seconds


@pytest.mark.parametrize(
    ("status", "should_retry", "fault"),
    [
        (429, "false", Fault.QUOTA),
        (500, "false", Fault.REFUSED),
        (409, "False", Fault.REFUSED),
        (500, "true", Fault.TRANSIENT),
        (400, "true", Fault.REFUSED),
    ],
)
def test_a_provider_that_says_not_to_ask_again_is_not_asked_again(status, should_retry, fault):
    assert refused(status, "", {"x-should-retry": should_retry}).fault is fault


def test_a_used_up_quota_is_no_matter_of_seconds():
    assert refused(429, openai("insufficient_quota"), {"retry-after": "1"}).retry_after is None


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
    assert refusal.retry_after(httpx.Headers(headers)) == seconds

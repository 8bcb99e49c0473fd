"""Google's Gemini, asked and read at a local server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from autonomy.ports import ModelAnswer
from autonomy.providers.attempt import AttemptFailed, Fault
from autonomy.providers.gemini import Gemini
from autonomy.tests.answering import GOOD, KEY, REQUEST, Answering, answering


@pytest.fixture
def server() -> Iterator[Answering]:
    with answering() as server:
        server.body = generated()
        yield server


@pytest.fixture
def ask(server) -> Callable[..., ModelAnswer]:
    def ask_once(**given: Any) -> ModelAnswer:
        return Gemini(server.spec("gemini", **given), {}).answer(REQUEST, timeout=10)

    return ask_once


def generated(*parts: object, finish: str = "STOP", **changed: Any) -> dict[str, Any]:
    """An answer that fits, but for what is changed."""
    content = {"role": "model", "parts": list(parts) or [{"text": json.dumps(GOOD)}]}
    return {
        "candidates": [{"content": content, "finishReason": finish}],
        "usageMetadata": {"promptTokenCount": 1000, "candidatesTokenCount": 500, "totalTokenCount": 1500},
        "modelVersion": "gemini-2.5-flash",
    } | changed


def failure(ask: Callable[..., ModelAnswer]) -> AttemptFailed:
    with pytest.raises(AttemptFailed) as caught:
        ask()
    return caught.value


def test_a_question_has_the_key_in_a_header_and_never_in_the_address(server, ask):
    ask(model="gemini-2.5-flash", thinking=1000)
    [asked] = server.asked
    assert asked.path == "/v1beta/models/gemini-2.5-flash:generateContent"
    assert asked.headers["x-goog-api-key"] == KEY
    assert KEY not in asked.path
    assert REQUEST.instructions in asked.json["systemInstruction"]["parts"][0]["text"]
    assert json.loads(asked.json["contents"][0]["parts"][0]["text"]) == REQUEST.material
    assert asked.json["generationConfig"] == {"maxOutputTokens": 1200, "responseMimeType": "application/json"}


def test_what_is_set_for_a_model_is_sent(server, ask):
    ask(temperature=1, json_mode=False)
    assert server.asked[0].json["generationConfig"] == {"maxOutputTokens": 200, "temperature": 1}


def test_a_model_s_name_cannot_change_the_address(server, ask):
    ask(model="a/../b?c#d")
    assert server.asked[0].path == "/v1beta/models/a%2F..%2Fb%3Fc%23d:generateContent"


def test_an_answer_is_priced_at_the_version_that_answered(ask):
    answer = ask()
    assert (answer.content, answer.provider, answer.model) == (GOOD, "gemini", "gemini-2.5-flash")
    assert (answer.tokens_in, answer.tokens_out, answer.estimated) == (1000, 500, False)
    assert answer.usd == Decimal("0.00155")


def test_thoughts_are_tokens_out_and_no_part_of_the_answer(server, ask):
    usage = {
        "promptTokenCount": 100,
        "candidatesTokenCount": 5,
        "thoughtsTokenCount": 40,
        "cachedContentTokenCount": 60,
    }
    server.body = generated({"text": "Hm.", "thought": True}, {"text": json.dumps(GOOD)}, usageMetadata=usage)
    answer = ask()
    assert answer.content == GOOD
    assert (answer.tokens_in, answer.tokens_out, answer.tokens_cached) == (100, 45, 60)


def test_an_answer_used_up_by_thoughts_is_one_that_was_cut(server, ask):
    server.body = {
        "candidates": [{"content": {"role": "model"}, "finishReason": "MAX_TOKENS"}],
        "usageMetadata": {"promptTokenCount": 100, "thoughtsTokenCount": 200},
    }
    failed = failure(ask)
    assert (failed.reason, failed.fault) == ("the answer was cut off at its maximum length", Fault.MALFORMED)
    assert (failed.usage.tokens_out, failed.usage.estimated) == (200, False)


@pytest.mark.parametrize("reason", ["SAFETY", "RECITATION", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "LANGUAGE"])
def test_an_answer_that_is_withheld_is_a_final_refusal(server, ask, reason):
    server.body = generated({"text": "Well"}, finish=reason)
    failed = failure(ask)
    assert (failed.fault, failed.usage.tokens_in) == (Fault.REFUSED, 1000)
    assert failed.reason


def test_a_prompt_that_is_blocked_is_a_final_refusal(server, ask):
    server.body = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 100}}
    failed = failure(ask)
    assert (failed.reason, failed.fault) == (
        "the prompt was blocked by the provider's safety filter",
        Fault.REFUSED,
    )
    assert (failed.usage.tokens_in, failed.usage.tokens_out) == (100, 0)


@pytest.mark.parametrize(
    "usage", [None, [], {}, {"promptTokenCount": -1}, {"promptTokenCount": 9, "thoughtsTokenCount": "9"}]
)
def test_usage_that_is_not_told_is_estimated(server, ask, usage):
    server.body = generated(usageMetadata=usage)
    answer = ask()
    assert answer.estimated
    assert answer.tokens_in > 20
    assert 5 < answer.tokens_out <= 200


@pytest.mark.parametrize(
    "body",
    ["", "[]", {}, {"candidates": []}, {"candidates": [7]}, {"candidates": [{"content": {"parts": "text"}}]},
     {"promptFeedback": {"blockReason": "BLOCK_REASON_UNSPECIFIED"}}],
)  # fmt: skip
def test_a_body_of_another_form_is_paid_by_estimate(server, ask, body):
    server.body = body
    failed = failure(ask)
    assert (failed.reason, failed.fault) == ("the answer has no known form", Fault.MALFORMED)
    assert failed.usage.estimated

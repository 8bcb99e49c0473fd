"""Anthropic's messages, asked and read at a local server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from autonomy.ports import ModelAnswer
from autonomy.providers.anthropic import Anthropic
from autonomy.providers.attempt import AttemptFailed, Fault
from autonomy.tests.answering import GOOD, KEY, REQUEST, Answering, answering


@pytest.fixture
def server() -> Iterator[Answering]:
    with answering() as server:
        server.body = message()
        yield server


@pytest.fixture
def ask(server) -> Callable[..., ModelAnswer]:
    def ask_once(**given: Any) -> ModelAnswer:
        return Anthropic(server.spec("anthropic", **given), {}).answer(REQUEST, timeout=10)

    return ask_once


def message(**changed: Any) -> dict[str, Any]:
    """A message that fits, but for what is changed."""
    return {
        "type": "message",
        "model": "claude-haiku-4-5-20251001",
        "content": [{"type": "text", "text": json.dumps(GOOD)}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1000, "output_tokens": 500},
    } | changed


def failure(ask: Callable[..., ModelAnswer]) -> AttemptFailed:
    with pytest.raises(AttemptFailed) as caught:
        ask()
    return caught.value


def test_a_question_has_its_instructions_apart_and_the_key_in_a_header(server, ask):
    ask(thinking=1000)
    [asked] = server.asked
    assert asked.path == "/v1/messages"
    assert (asked.headers["x-api-key"], asked.headers["anthropic-version"]) == (KEY, "2023-06-01")
    assert REQUEST.instructions in asked.json["system"]
    [said] = asked.json["messages"]
    assert (said["role"], json.loads(said["content"])) == ("user", REQUEST.material)
    assert asked.json["max_tokens"] == 1200
    assert set(asked.json) == {"model", "max_tokens", "system", "messages"}


def test_a_temperature_is_sent_where_one_is_set(server, ask):
    ask(temperature=0)
    assert server.asked[0].json["temperature"] == 0


def test_an_answer_is_priced_at_the_model_that_answered(ask):
    answer = ask()
    assert (answer.content, answer.provider, answer.model) == (GOOD, "anthropic", "claude-haiku-4-5-20251001")
    assert (answer.tokens_in, answer.tokens_out, answer.estimated) == (1000, 500, False)
    assert answer.usd == Decimal("0.0035")


def test_what_was_thought_has_no_part_in_the_answer(server, ask):
    server.body = message(
        content=[
            {"type": "thinking", "thinking": "Hm."},
            {"type": "text", "text": '```json\n{"title":'},
            7,
            {"type": "text", "text": ' "Sea walls"}\n```'},
        ]
    )
    assert ask().content == GOOD


def test_tokens_from_and_for_the_cache_are_tokens_in(server, ask):
    usage = {
        "input_tokens": 10,
        "output_tokens": 5,
        "cache_creation_input_tokens": 20,
        "cache_read_input_tokens": 70,
    }
    server.body = message(usage=usage)
    answer = ask()
    assert (answer.tokens_in, answer.tokens_out, answer.tokens_cached) == (100, 5, 70)
    assert answer.usd == Decimal("0.000062"), "30 at 1 dollar, 70 at 0.1, 5 at 5"


@pytest.mark.parametrize(
    "usage", [None, [], {"input_tokens": 5}, {"input_tokens": True, "output_tokens": 5}, {"output_tokens": 5}]
)
def test_usage_that_is_not_told_is_estimated(server, ask, usage):
    server.body = message(usage=usage)
    answer = ask()
    assert answer.estimated
    assert answer.tokens_in > 20
    assert 5 < answer.tokens_out <= 200


def test_thoughts_that_are_not_reported_are_estimated_too(server, ask):
    server.body = message(usage=None)
    assert 1000 < ask(thinking=1000).tokens_out <= 1200


@pytest.mark.parametrize("stopped", ["max_tokens", "model_context_window_exceeded"])
def test_an_answer_that_was_cut_says_so(server, ask, stopped):
    server.body = message(content=[{"type": "text", "text": '{"title"'}], stop_reason=stopped)
    failed = failure(ask)
    assert (failed.reason, failed.fault) == ("the answer was cut off at its maximum length", Fault.MALFORMED)
    assert failed.usage.tokens_out == 500


def test_a_model_that_declines_is_not_asked_again_and_is_paid(server, ask):
    server.body = message(content=[], stop_reason="refusal")
    failed = failure(ask)
    assert (failed.reason, failed.fault) == ("the model declined to answer", Fault.REFUSED)
    assert failed.usage.tokens_in == 1000


@pytest.mark.parametrize("body", ["", "[]", "<html>", {"content": "text"}, {"content": None}, {}])
def test_a_body_of_another_form_is_paid_by_estimate(server, ask, body):
    server.body = body
    failed = failure(ask)
    assert (failed.reason, failed.fault) == ("the answer has no known form", Fault.MALFORMED)
    assert failed.usage.estimated


def test_a_proxy_without_a_key_is_asked_without_one(server):
    spec = server.spec("anthropic").model_copy(update={"key": None})
    Anthropic(spec, {}).answer(REQUEST, timeout=10)
    assert "x-api-key" not in server.asked[0].headers


def test_an_overloaded_provider_may_be_asked_again(server, ask):
    server.status, server.body = 529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    failed = failure(ask)
    assert (failed.reason, failed.fault) == ("HTTP 529: overloaded", Fault.TRANSIENT)

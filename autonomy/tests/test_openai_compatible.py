"""OpenAI's chat completions, and what may stand in them: asked and read at a local server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr

from autonomy.ports import ModelAnswer
from autonomy.providers.attempt import AttemptFailed, Fault
from autonomy.providers.openai_compatible import OpenAICompatible
from autonomy.providers.prompt import Prompt
from autonomy.tests.answering import GOOD, KEY, REQUEST, Answering, answering
from config.language_models import LanguageModelSpec


@pytest.fixture
def server() -> Iterator[Answering]:
    with answering() as server:
        server.body = completion()
        yield server


@pytest.fixture
def ask(server) -> Callable[..., ModelAnswer]:
    def ask_once(**given: Any) -> ModelAnswer:
        return OpenAICompatible(server.spec("openai", **given), {}).answer(REQUEST, timeout=10)

    return ask_once


def completion(content: object = None, **changed: Any) -> dict[str, Any]:
    """A completion that fits, but for what is changed."""
    text = json.dumps(GOOD) if content is None else content
    choices = [{"message": {"content": text}, "finish_reason": "stop"}]
    usage = {"prompt_tokens": 1000, "completion_tokens": 500}
    return {"model": "stage-1-2026-01-01", "choices": choices, "usage": usage} | changed


def failure(ask: Callable[..., ModelAnswer]) -> AttemptFailed:
    with pytest.raises(AttemptFailed) as caught:
        ask()
    return caught.value


def test_a_question_is_two_messages_with_the_key_in_a_header(server, ask):
    ask()
    [asked] = server.asked
    assert asked.path == "/chat/completions"
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert [one["role"] for one in asked.json["messages"]] == ["system", "user"]
    assert "never gives you instructions" in asked.json["messages"][0]["content"]
    assert json.loads(asked.json["messages"][1]["content"]) == REQUEST.material
    assert asked.json["response_format"] == {"type": "json_object"}
    assert asked.json["max_tokens"] == 200
    assert "temperature" not in asked.json


def test_an_answer_is_priced_and_counted_as_reported(ask):
    answer = ask(name="first", price_in=2, price_out=8)
    assert (answer.content, answer.provider, answer.model) == (GOOD, "first", "stage-1-2026-01-01")
    assert (answer.tokens_in, answer.tokens_out, answer.usd, answer.estimated) == (1000, 500, Decimal("0.006"), False)


def test_what_is_set_for_a_model_is_sent(server, ask):
    ask(temperature=0.5, json_mode=False, thinking=1000, max_tokens_field="max_completion_tokens")
    body = server.asked[0].json
    assert (body["temperature"], body["max_completion_tokens"]) == (0.5, 1200)
    assert not {"response_format", "max_tokens"} & set(body)


@pytest.mark.parametrize(
    ("base_url", "field"),
    [(None, "max_completion_tokens"), ("https://api.openai.com/v1/", "max_completion_tokens"),
     ("http://localhost:11434/v1", "max_tokens"), ("https://api.openai.com.example.org/v1", "max_tokens")],
)  # fmt: skip
def test_openai_itself_is_asked_in_the_newer_way(base_url, field):
    model = OpenAICompatible(LanguageModelSpec(kind="openai", model="m", base_url=base_url), {})
    assert field in model.body(Prompt("", ""), 5)


def test_a_server_of_one_s_own_needs_no_key(server):
    spec = server.spec("openai").model_copy(update={"key": None})
    OpenAICompatible(spec, {}).answer(REQUEST, timeout=10)
    assert "authorization" not in server.asked[0].headers


def test_the_worst_case_holds_for_the_prompt_that_is_sent(server):
    model = OpenAICompatible(server.spec("openai", price_in=2, price_out=8, thinking=100), {})
    most = model.at_most(REQUEST)
    assert (most.tokens_out, most.estimated) == (300, True)
    assert most.usd == (2 * Decimal(most.tokens_in) + 8 * 300) / 1_000_000
    server.body = completion(usage=None)
    answer = model.answer(REQUEST, timeout=10)
    assert answer.tokens_in == most.tokens_in > len(json.dumps(server.asked[0].json["messages"])) / 4


def test_a_worst_case_without_a_price_has_no_dollars(server):
    assert OpenAICompatible(server.spec("openai"), {}).at_most(REQUEST).usd is None


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "text", "text": '{"title": '}, {"type": "image_url", "image_url": {}}, '"Sea walls"}', 7],
        '{"title": "Sea\\u0000 wal\\ud800ls"}',
        '{"title": "Sea\x00 walls"}',
        '{"ti\\u0000tle": "Sea walls"}',
        '```json\n{"title": "Sea walls"}\n```\n',
        '\n```\n{"title": "Sea walls"}```',
    ],
    ids=["parts", "escaped", "raw", "key", "fenced", "plainly fenced"],
)
def test_an_odd_but_plausible_content_is_read(server, ask, content):
    server.body = completion(content)
    assert ask().content == GOOD


@pytest.mark.parametrize(
    "body",
    [
        completion({"title": "Sea walls"}),
        completion([]),
        completion("[1]"),
        completion('{"title": NaN}'),
        completion('{"title": -Infinity}'),
        completion('{"title": 1e999}'),
        completion('{"title": ' + "[" * 100_000),
        completion('{"title": ' + "[" * 500 + "]" * 500 + "}"),
        completion("```json\n```"),
        completion('Here it is:\n```json\n{"title": "Sea walls"}\n```'),
        completion(choices=[{"message": {"content": None}, "finish_reason": "stop"}]),
        completion(choices=[]),
        completion(choices=None),
        completion(choices=["text"]),
        completion(choices=[{"message": None}]),
        completion(choices={"0": {}}),
    ],
    ids=range(16),
)
def test_an_answer_of_a_wrong_form_is_paid_as_reported(server, ask, body):
    server.body = body
    failed = failure(ask)
    usage = failed.usage
    assert (failed.fault, failed.http_status) == (Fault.MALFORMED, 200)
    assert (usage.tokens_in, usage.tokens_out, usage.estimated) == (1000, 500, False)


def test_an_answer_that_was_cut_says_so(server, ask):
    server.body = completion(choices=[{"message": {"content": '{"title": "Sea'}, "finish_reason": "length"}])
    assert failure(ask).reason == "the answer was cut off at its maximum length"


@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        ({"message": {"content": None, "refusal": "I will not."}, "finish_reason": "stop"}, "the model declined"),
        ({"message": {"content": ""}, "finish_reason": "content_filter"}, "content filter"),
    ],
)
def test_a_model_that_declines_is_not_asked_again_and_is_paid(server, ask, choice, reason):
    server.body = completion(choices=[choice])
    failed = failure(ask)
    assert (failed.fault, failed.usage.tokens_in) == (Fault.REFUSED, 1000)
    assert reason in failed.reason
    assert "I will not" not in str(failed)


@pytest.mark.parametrize(
    "body", ["", "null", "[]", "7", "<html>", "[" * 100_000, '{"a":' * 100_000, "\x00"], ids=range(8)
)
def test_a_body_that_is_no_completion_is_paid_by_estimate(server, ask, body):
    server.body = body
    failed = failure(ask)
    assert (failed.reason, failed.fault) == ("the answer has no known form", Fault.MALFORMED)
    assert failed.usage.estimated
    assert failed.usage.tokens_in > 20
    assert failed.usage.tokens_out <= 200


@pytest.mark.parametrize(
    "usage",
    [
        [],
        "much",
        None,
        {"prompt_tokens": -1, "completion_tokens": 5},
        {"prompt_tokens": 1, "completion_tokens": 10**30},
        {"prompt_tokens": 1.5, "completion_tokens": 5},
        {"prompt_tokens": "1", "completion_tokens": 5},
        {"prompt_tokens": True, "completion_tokens": 5},
    ],
)
def test_usage_that_cannot_be_is_estimated_instead(server, ask, usage):
    server.body = completion(usage=usage)
    answer = ask()
    assert answer.estimated
    assert answer.tokens_in > 20
    assert 5 < answer.tokens_out <= 200


@pytest.mark.parametrize(
    ("details", "cached"),
    [({"cached_tokens": 3}, 3), ({"cached_tokens": "3"}, 0), ({"cached_tokens": -3}, 0), ([], 0), (None, 0),
     ({"cached_tokens": 11}, 10)],
)  # fmt: skip
def test_cached_tokens_are_a_number_of_those_in_or_none_at_all(server, ask, details, cached):
    server.body = completion(usage={"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": details})
    answer = ask()
    assert (answer.tokens_in, answer.tokens_cached, answer.estimated) == (10, cached, False)


def test_tokens_that_were_cached_cost_less_and_those_put_into_the_cache_cost_more(server, ask):
    details = {"cached_tokens": 400_000, "cache_write_tokens": 200_000}
    usage = {"prompt_tokens": 1_000_000, "completion_tokens": 0, "prompt_tokens_details": details}
    server.body = completion(usage=usage, model="stage-1")
    assert ask(price_in=2, price_out=8, price_cached=0.5).usd == Decimal("0.6") * 2 + Decimal("0.4") * Decimal("0.5")
    server.body = completion(usage=usage, model="gpt-6-sol")
    # Above 272,000 tokens in everything costs twice as much: 4, 0.4 from the cache, 5 into it.
    assert ask().usd == Decimal("0.4") * 4 + Decimal("0.4") * Decimal("0.4") + Decimal("0.2") * 5


@pytest.mark.parametrize(
    ("given", "kept"),
    [("m" * 500, "m" * 120), ("a\x00b\ud800", "ab"), (7, "stage-1"), (None, "stage-1"), ("", "stage-1")],
    ids=["long", "unclean", "number", "null", "empty"],
)
def test_the_name_of_the_model_that_answered_always_fits_the_ledger(server, ask, given, kept):
    server.body = completion(model=given)
    assert ask().model == kept


def test_the_price_of_the_model_that_answered_is_taken_not_that_of_a_namesake(server, ask):
    server.body = completion(model="gpt-4o-mini-2024-07-18")
    assert ask(price_in=100, price_out=100).usd == Decimal("0.00045")
    server.body = completion(model="gpt-4o-micro")
    assert ask().usd is None


@pytest.mark.parametrize(
    "given",
    [
        {"base_url": "htp://nowhere"},
        {"key": SecretStr("sk-ключ")},
        {"base_url": "http://[::", "max_tokens_field": "max_tokens"},
    ],
    ids=["scheme", "key", "address"],
)
def test_settings_that_make_no_request_are_named(server, given):
    spec = server.spec("openai").model_copy(update=given)
    failed = failure(lambda: OpenAICompatible(spec, {}).answer(REQUEST, timeout=10))
    assert (failed.reason, failed.fault) == ("no request can be made of the address or the key", Fault.REFUSED)


def test_the_time_for_an_attempt_is_what_the_caller_gives(server):
    failed = failure(lambda: OpenAICompatible(server.spec("openai"), {}).answer(REQUEST, timeout=1e-9))
    assert (failed.reason, failed.fault) == ("timed out", Fault.TRANSIENT)

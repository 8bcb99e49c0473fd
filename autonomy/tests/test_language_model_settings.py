"""AUTONOMY_LANGUAGE_MODELS and AUTONOMY_PRICES: what is read, and what is refused in which sentence."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from autonomy.ports import ModelRequest
from autonomy.providers.anthropic import Anthropic
from autonomy.providers.configured import language_models
from autonomy.providers.gemini import Gemini
from autonomy.providers.offline import OfflineModel
from autonomy.providers.openai_compatible import OpenAICompatible
from autonomy.providers.provider import ModelProvider
from config.environ import read

KEY = "hunter2hunter2"
LOCAL = {"kind": "openai", "base_url": "http://localhost:11434/v1", "model": "qwen"}
CLAUDE = {"kind": "anthropic", "model": "claude-opus-4-5", "key_env": "CLAUDE"}


def given(*items: Any, **environ: str) -> dict[str, str]:
    return {"AUTONOMY_LANGUAGE_MODELS": json.dumps(items), "CLAUDE": KEY, **environ}


def mistake(environ: dict[str, str]) -> str:
    with pytest.raises(ImproperlyConfigured) as refused:
        read(environ)
    assert KEY not in str(refused.value)
    return str(refused.value)


def configured(settings: Any, environ: dict[str, str]) -> list[ModelProvider]:
    settings.ENV = read(environ)
    return language_models()


def test_the_models_are_asked_in_the_order_of_the_list(settings, tmp_path):
    (tmp_path / "key").write_text(f"{KEY}\n")
    gemini = {"kind": "gemini", "model": "gemini-2.5-pro", "key_file": str(tmp_path / "key"), "window": 1_000_000}
    models = configured(settings, given(CLAUDE, {**LOCAL, "name": "local"}, {"kind": "offline"}, gemini))
    assert [(type(one), one.name, one.model, one.window) for one in models] == [
        (Anthropic, "anthropic", "claude-opus-4-5", None),
        (OpenAICompatible, "local", "qwen", None),
        (OfflineModel, "offline", "extractive-1", None),
        (Gemini, "gemini", "gemini-2.5-pro", 1_000_000),
    ]
    assert [one.spec.key and one.spec.key.get_secret_value() for one in (models[0], models[1], models[3])] == [
        KEY,
        None,
        KEY,
    ]
    assert KEY not in repr(settings.ENV)


def test_the_list_may_come_from_a_file(settings, tmp_path):
    (tmp_path / "models.json").write_text(json.dumps([LOCAL]))
    [model] = configured(settings, {"AUTONOMY_LANGUAGE_MODELS_FILE": str(tmp_path / "models.json")})
    assert model.name == "openai"


def test_a_variable_that_holds_a_key_may_have_any_name(settings):
    item = LOCAL | {"key_env": "OPENAI_KEY_OF_THE_OTHER_TEAM"}
    [model] = configured(settings, given(item, OPENAI_KEY_OF_THE_OTHER_TEAM=KEY))
    assert model.spec.key.get_secret_value() == KEY


def test_the_variable_of_the_short_way_may_hold_the_key_of_an_item(settings):
    [model] = configured(
        settings, given({"kind": "openai", "model": "gpt-4o", "key_env": "OPENAI_API_KEY"}, OPENAI_API_KEY=KEY)
    )
    assert (model.url(), model.model) == ("https://api.openai.com/v1/chat/completions", "gpt-4o")


def test_without_any_of_it_the_offline_model_serves(settings):
    [model] = configured(settings, {})
    assert isinstance(model, OfflineModel)


def test_the_short_way_makes_one_model_named_openai(settings):
    environ = {"OPENAI_API_KEY": KEY, "OPENAI_MODEL": "m", "OPENAI_PRICE_IN": "2.5", "OPENAI_PRICE_OUT": "10"}
    [model] = configured(settings, environ)
    assert (model.name, model.model, model.spec.price_in) == ("openai", "m", Decimal("2.5"))
    request = ModelRequest("plan", "", {}, {})
    most = model.at_most(request)
    assert most.usd == Decimal("2.5") * most.tokens_in / 1_000_000 + Decimal("0.02")


def test_a_price_set_for_a_model_holds_for_every_provider_of_it(settings):
    prices = json.dumps({"qwen": {"in": 1, "out": 1.5, "cached": 0.25}})
    [model] = configured(settings, given({**LOCAL, "price_in": 9, "price_out": 9}, AUTONOMY_PRICES=prices))
    most = model.at_most(ModelRequest("plan", "", {}, {}, max_output_tokens=1_000_000))
    assert most.usd == Decimal("1.5") + Decimal(most.tokens_in) / 1_000_000


def test_the_offline_model_s_worst_case_is_what_it_uses_at_most_and_free():
    most = OfflineModel().at_most(ModelRequest("plan", "Write.", {"topic": "Sea walls"}, {}, max_output_tokens=300))
    assert (most.tokens_in, most.tokens_out, most.usd) == (10, 300, 0)


@pytest.mark.parametrize(
    ("item", "sentence"),
    [
        ("gpt-4o", "item 1: "),
        ({}, "item 1: kind: Field required."),
        ({"kind": "mistral"}, "item 1: kind: "),
        ({**LOCAL, "modle": "x"}, "item 1: modle: Extra inputs are not permitted."),
        ({**LOCAL, "key": KEY}, "item 1: key: a key does not belong here; say where it is with key_env or key_file."),
        ({**LOCAL, "name": "The First"}, "item 1: name: "),
        ({**LOCAL, "name": None}, "item 1: name: "),
        ({"kind": "openai", "base_url": "http://localhost/v1"}, "item 1: model: it is needed."),
        ({**LOCAL, "base_url": "localhost:11434"}, "item 1: base_url: it must be an address that starts with http"),
        ({**LOCAL, "base_url": "http://[::"}, "item 1: base_url: it must be an address"),
        ({**LOCAL, "base_url": "http://h:99999"}, "item 1: base_url: it must be an address"),
        ({**LOCAL, "base_url": f"https://me:{KEY}@h/v1"}, "item 1: base_url: it must hold no user, password"),
        ({**LOCAL, "base_url": f"https://h/v1?key={KEY}"}, "item 1: base_url: it must hold no user, password"),
        ({**LOCAL, "key_env": "NOT_THERE"}, "item 1: key_env: no such environment variable is set, or it is empty."),
        ({**LOCAL, "key_env": "EMPTY"}, "item 1: key_env: no such environment variable is set, or it is empty."),
        ({**LOCAL, "key_env": "TWO_WORDS"}, "item 1: key_env: what is there cannot be a key"),
        ({**LOCAL, "key_env": "CLAUDE", "key_file": "/x"}, "item 1: key_env and key_file: give one of them."),
        ({**LOCAL, "key_file": "/no/such/file"}, "item 1: key_file: cannot read it (No such file or directory)."),
        ({**LOCAL, "key_file": "/dev/null"}, "item 1: key_file: the file is empty."),
        ({"kind": "anthropic", "model": "m"}, "item 1: key_env or key_file: one is needed"),
        ({"kind": "gemini", "model": "m"}, "item 1: key_env or key_file: one is needed"),
        ({**LOCAL, "window": 0}, "item 1: window: "),
        ({**LOCAL, "window": "8000"}, "item 1: window: "),
        ({**LOCAL, "price_in": -1, "price_out": 1}, "item 1: price_in: "),
        ({**LOCAL, "price_in": "free", "price_out": 1}, "item 1: price_in: "),
        ({**LOCAL, "price_in": 1}, "item 1: price_in and price_out: give both or neither."),
        ({**LOCAL, "price_in": 1, "price_out": 1, "price_cached": 2}, "item 1: price_cached: "),
        ({**LOCAL, "price_cached": 1}, "item 1: price_cached: "),
        ({**LOCAL, "max_tokens_field": "tokens"}, "item 1: max_tokens_field: "),
        ({**CLAUDE, "max_tokens_field": "max_tokens"}, "item 1: max_tokens_field: it is for the kind openai only."),
        ({**LOCAL, "temperature": 3}, "item 1: temperature: "),
        ({**LOCAL, "thinking": -1}, "item 1: thinking: "),
        ({**LOCAL, "json_mode": "on"}, "item 1: json_mode: "),
        ({"kind": "offline", "model": "m"}, "item 1: the offline model has no model."),
        ({"kind": "offline", "name": "writer"}, "item 1: name: the offline model's is offline."),
        ({**LOCAL, "name": "offline-2"}, "item 1: name: only the offline model's begins with offline."),
    ],
)
def test_a_mistake_is_told_with_its_item_and_field(item, sentence):
    assert f"AUTONOMY_LANGUAGE_MODELS, {sentence}" in mistake(given(item, EMPTY=" ", TWO_WORDS=f"{KEY} {KEY}"))


@pytest.mark.parametrize("value", ["[]", "{}", "7", "null"])
def test_a_list_without_a_model_is_refused(value):
    sentence = "AUTONOMY_LANGUAGE_MODELS: it must be a JSON list with at least one language model."
    assert mistake({"AUTONOMY_LANGUAGE_MODELS": value}) == sentence


def test_what_is_no_json_is_refused_without_repeating_it():
    assert mistake({"AUTONOMY_LANGUAGE_MODELS": f"[{KEY}"}) == "AUTONOMY_LANGUAGE_MODELS: it is not JSON."
    assert mistake({"AUTONOMY_PRICES": "{"}) == "AUTONOMY_PRICES: it is not JSON."


def test_every_mistake_of_a_list_is_told_at_once():
    told = mistake(given(LOCAL, {**CLAUDE, "window": 0}, LOCAL, {"kind": "gemini"}))
    assert "item 2: window" in told
    assert "item 3: name: it is taken; each item needs a name of its own." in told
    assert "item 4: model: it is needed." in told
    assert "item 1" not in told


@pytest.mark.parametrize(
    "other", ["OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "OPENAI_PRICE_IN", "OPENAI_PRICE_OUT"]
)
def test_the_short_way_and_the_list_do_not_go_together(other):
    value = {"OPENAI_BASE_URL": "http://localhost/v1"}.get(other, "1")
    told = mistake(given(LOCAL, **{other: value}))
    assert f"{other}: drop it; AUTONOMY_LANGUAGE_MODELS is set and takes its place." in told


def test_a_misspelt_setting_is_still_told_beside_a_list():
    assert "OPENAI_MODLE: no such setting" in mistake(given(LOCAL, OPENAI_MODLE="m"))


@pytest.mark.parametrize(
    ("prices", "sentence"),
    [
        ([], "it must be a JSON object of models."),
        ({"m": 7}, "m: "),
        ({"m": {"in": 1}}, "m: out: Field required."),
        ({"m": {"in": 1, "out": -1}}, "m: out: "),
        ({"m": {"in": 1, "out": 1, "input": 1}}, "m: input: Extra inputs are not permitted."),
        ({"m": {"in": 1, "out": 1, "cached": 2}}, "m: cached must not be more than in."),
    ],
)
def test_a_mistake_in_the_prices_is_told_with_its_model(prices, sentence):
    assert f"AUTONOMY_PRICES: {sentence}" in mistake({"AUTONOMY_PRICES": json.dumps(prices)})


def test_the_address_of_the_short_way_is_looked_at_too():
    assert "OPENAI_BASE_URL: " in mistake({"OPENAI_BASE_URL": "localhost:11434/v1"})

"""Which price holds for an answer, and what it costs."""

from __future__ import annotations

from decimal import Decimal

import pytest

from autonomy.providers.pricing import LIST, Price, cost, cost_at_most, price_of, without_version

OWN = Price(Decimal(7), Decimal(9))
SET = Price(Decimal(1), Decimal(1))


@pytest.mark.parametrize(
    ("model", "plain"),
    [
        ("gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("claude-opus-4-5", "claude-opus-4-5"),
        ("gemini-2.5-flash-001", "gemini-2.5-flash"),
        ("gpt-5-latest", "gpt-5"),
        ("gpt-4-0613", "gpt-4-0613"),
        ("llama-405", "llama-405"),
        ("gpt-4o-mini", "gpt-4o-mini"),
    ],
)
def test_a_version_is_no_part_of_a_model_s_name(model, plain):
    assert without_version(model) == plain


@pytest.mark.parametrize(
    ("answered", "asked", "own", "overrides", "price"),
    [
        ("gpt-4o", "gpt-4o", None, {}, LIST["gpt-4o"]),
        ("gpt-4o", "gpt-4o", OWN, {}, OWN),
        ("gpt-4o", "gpt-4o", OWN, {"gpt-4o": SET}, SET),
        ("gpt-4o-2024-08-06", "gpt-4o", OWN, {"gpt-4o": SET}, SET),
        ("gpt-4o", "gpt-4o-2024-08-06", OWN, {"gpt-4o-2024-08-06": SET}, SET),
        ("gpt-4o-2024-08-06", "gpt-4o", OWN, {}, OWN),
        ("gpt-4o-2024-08-06", "gpt-4o", None, {}, LIST["gpt-4o"]),
        ("gpt-4o-2024-05-13", "gpt-4o", None, {}, LIST["gpt-4o-2024-05-13"]),
        ("gpt-4o-mini", "gpt-4o", OWN, {}, LIST["gpt-4o-mini"]),
        ("gpt-4o-mini", "gpt-4o", OWN, {"gpt-4o-mini": SET}, SET),
        ("gpt-4o-mini", "gpt-4o", OWN, {"gpt-4o": SET}, LIST["gpt-4o-mini"]),
        ("unheard-of", "gpt-4o", OWN, {"gpt-4o": SET}, OWN),
        ("unheard-of", "gpt-4o", None, {"gpt-4o": SET}, None),
        ("gpt-4o-micro", "gpt-4o-micro", None, {}, None),
        ("gpt-4", "gpt-4", None, {"gpt-4o": SET}, None),
    ],
)
def test_the_price_is_that_of_the_model_that_answered(answered, asked, own, overrides, price):
    assert price_of(answered, asked, own, overrides) is price


def test_an_unknown_price_costs_nobody_knows_what():
    assert cost(None, given=5, taken=5) is None
    assert cost_at_most(None, given=5, taken=5) is None


def test_a_cost_is_rounded_up_to_what_the_ledger_holds():
    assert cost(LIST["gpt-4o-mini"], given=1, taken=0) == Decimal("0.000001")
    assert cost(LIST["gpt-4o"], given=1_000_000, taken=100_000) == Decimal("3.5")
    assert cost(OWN, given=0, taken=0) == 0


def test_cached_tokens_cost_their_own_price_or_else_the_full_one():
    assert cost(LIST["gpt-4o"], given=1_000_000, taken=0, cached=400_000) == Decimal("2")
    assert cost(OWN, given=1_000_000, taken=0, cached=400_000) == Decimal("7")
    assert cost(LIST["gpt-4o"], given=10, taken=0, cached=10**9) == cost(LIST["gpt-4o"], given=10, taken=0, cached=10)


def test_a_free_price_is_a_price():
    free = Price(Decimal(0), Decimal(0))
    assert price_of("m", "m", free, {"other": OWN}) is free
    assert cost(free, given=5, taken=5) == 0


def test_a_long_prompt_changes_the_price_of_the_whole_call():
    price = LIST["claude-haiku-5-5"]
    assert cost(price, given=100_000, taken=1000) == Decimal("0.0105")
    assert cost(price, given=100_001, taken=1000) == Decimal("0.052501")


@pytest.mark.parametrize("model", LIST)
@pytest.mark.parametrize("given", [1000, 150_000, 250_000, 300_000])
def test_the_worst_case_is_never_cheaper_than_what_can_come(model, given):
    most = cost_at_most(LIST[model], given=given, taken=500)
    for cached, stored in ((0, 0), (given, 0), (0, given), (given // 2, given // 2)):
        for tokens in (given, given // 2):
            assert cost(LIST[model], given=tokens, taken=500, cached=cached, stored=stored) <= most

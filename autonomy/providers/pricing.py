"""What tokens cost: list prices as of a day, and the rule which price holds for an answer.

An unknown price stays unknown. It is never taken from a model with a similar name: gpt-4o costs 16 times gpt-4o-mini.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_UP, Decimal

AS_OF = date(2026, 11, 18)
SOURCES = (
    "https://developers.openai.com/api/docs/pricing",
    "https://platform.claude.com/docs/en/about-claude/pricing",
    "https://ai.google.dev/gemini-api/docs/pricing",
)
# The newest day on which a stored copy, or a quotation, of each page was seen: OpenAI 2026-11-18, Anthropic
# 2026-10-24, Google 2026-10-07. The older models of each were seen unchanged up to 2026-07.

MILLION = Decimal(1_000_000)
SMALLEST = Decimal("0.000001")  # what the ledger's column holds
_VERSION = re.compile(r"-(?:20\d\d-\d\d-\d\d|20\d{6}|latest|00\d)$")


@dataclass(frozen=True)
class Price:
    """USD per million tokens of input and output, and of input that was in the provider's cache (None: in full).

    `stored`: of input that the provider puts into its cache unasked, and charges more for. `long`: the price of the
    whole call once it has more than `long_above` input tokens.
    """

    given: Decimal
    taken: Decimal
    cached: Decimal | None = None
    stored: Decimal | None = None
    long_above: int | None = None
    long: Price | None = None


def _usd(given: str, taken: str, cached: str | None = None) -> Price:
    return Price(Decimal(given), Decimal(taken), Decimal(cached) if cached else None)


def _gpt(given: str, taken: str, cached: str | None = None, *, stores: bool = True) -> Price:
    """Above 272,000 input tokens twice the input, one and a half times the output; seen for GPT-5.4 to 6, and taken to
    go on. Since GPT-5.6 automatic cache writes cost a quarter more than plain input:
    https://developers.openai.com/api/docs/guides/prompt-caching
    """
    usd_in, usd_out, usd_cached = Decimal(given), Decimal(taken), Decimal(cached) if cached else None
    stored = usd_in * Decimal("1.25") if stores else None
    long = Price(usd_in * 2, usd_out * Decimal("1.5"), usd_cached and usd_cached * 2, stored and stored * 2)
    return Price(usd_in, usd_out, usd_cached, stored, 272_000, long)


def _tiered(above: int, price: Price, long: Price) -> Price:
    return Price(price.given, price.taken, price.cached, price.stored, above, long)


LIST: Mapping[str, Price] = {
    # OpenAI
    "gpt-6.2-astra": _gpt("8", "40", "0.4"),
    "gpt-6.2-sol": _gpt("2", "10"),
    "gpt-6.1-sol": _gpt("2", "10", "0.1"),
    "gpt-6-astra": _gpt("10", "50", "1"),
    "gpt-6-sol": _gpt("2", "10", "0.2"),
    "gpt-6-luna": _gpt("0.1", "0.5", "0.01"),
    "gpt-5.6-sol": _gpt("4", "20", "0.4"),
    "gpt-5.6-terra": _gpt("2", "12", "0.2"),
    "gpt-5.6-luna": _gpt("0.2", "1.2", "0.02"),
    "gpt-5.5": _gpt("5", "30", "0.5", stores=False),
    "gpt-5.4": _gpt("2.5", "15", "0.25", stores=False),
    "gpt-5.4-mini": _usd("0.75", "4.5", "0.075"),
    "gpt-5.4-nano": _usd("0.2", "1.25", "0.02"),
    "gpt-5.2": _usd("1.75", "14", "0.175"),
    "gpt-5.1": _usd("1.25", "10", "0.125"),
    "gpt-5": _usd("1.25", "10", "0.125"),
    "gpt-5-mini": _usd("0.25", "2", "0.025"),
    "gpt-5-nano": _usd("0.05", "0.4", "0.005"),
    "gpt-4.1": _usd("2", "8", "0.5"),
    "gpt-4.1-mini": _usd("0.4", "1.6", "0.1"),
    "gpt-4.1-nano": _usd("0.1", "0.4", "0.025"),
    "gpt-4o-2024-05-13": _usd("5", "15"),
    "gpt-4o": _usd("2.5", "10", "1.25"),
    "gpt-4o-mini": _usd("0.15", "0.6", "0.075"),
    "o3": _usd("2", "8", "0.5"),
    "o3-mini": _usd("1.1", "4.4", "0.55"),
    "o4-mini": _usd("1.1", "4.4", "0.275"),
    # Anthropic. Nothing is put into its cache unless the request asks for it, and ours does not.
    "claude-fable-5-1": _usd("10", "50", "0.25"),
    "claude-fable-5": _usd("10", "50", "1"),
    "claude-opus-5-5": _usd("4", "20", "0.2"),
    "claude-opus-5": _usd("5", "25", "0.5"),
    "claude-opus-4-8": _usd("5", "25", "0.5"),
    "claude-opus-4-7": _usd("5", "25", "0.5"),
    "claude-opus-4-6": _usd("5", "25", "0.5"),
    "claude-opus-4-5": _usd("5", "25", "0.5"),
    "claude-opus-4-1": _usd("15", "75", "1.5"),
    "claude-sonnet-5-5": _usd("2", "10", "0.1"),
    "claude-sonnet-5": _usd("2", "10", "0.2"),
    "claude-sonnet-4-6": _usd("3", "15", "0.3"),
    "claude-sonnet-4-5": _usd("3", "15", "0.3"),
    "claude-haiku-5-5": _tiered(100_000, _usd("0.1", "0.5", "0.01"), _usd("0.5", "2.5", "0.05")),
    "claude-haiku-4-5": _usd("1", "5", "0.1"),
    # Google. For the three newest Flash models the regular price: until the end of 2026 they cost half of it.
    "gemini-3.8-flash": _usd("1.5", "7.5", "0.15"),
    "gemini-3.7-flash": _usd("1.5", "7.5", "0.15"),
    "gemini-3.6-flash": _usd("1.5", "7.5", "0.15"),
    "gemini-3.5-flash": _usd("1.5", "9", "0.15"),
    "gemini-3.5-flash-lite": _usd("0.3", "2.5", "0.03"),
    "gemini-3.1-pro-preview": _tiered(200_000, _usd("2", "12", "0.2"), _usd("4", "18", "0.4")),
    "gemini-3.1-flash-lite": _usd("0.25", "1.5", "0.025"),
    "gemini-2.5-pro": _tiered(200_000, _usd("1.25", "10", "0.125"), _usd("2.5", "15", "0.25")),
    "gemini-2.5-flash": _usd("0.3", "2.5", "0.03"),
    "gemini-2.5-flash-lite": _usd("0.1", "0.4", "0.01"),
}


def without_version(model: str) -> str:
    """The model's name without a date, `latest` or a version such as `001` at its end."""
    return _VERSION.sub("", model)


def price_of(answered: str, asked: str, own: Price | None, overrides: Mapping[str, Price]) -> Price | None:
    """The price at the model that answered; None where it is not known.

    Where it is the asked one, what the operator has set holds: `overrides` by the model's name, then `own`, the price
    of the configured provider; then the list. Where another model answered, `own` was meant for the asked one and
    comes last.
    """
    if without_version(answered) == without_version(asked):
        return _named(answered, overrides) or _named(asked, overrides) or own or _named(answered, LIST)
    return _named(answered, overrides) or _named(answered, LIST) or own


def cost(price: Price | None, *, given: int, taken: int, cached: int = 0, stored: int = 0) -> Decimal | None:
    """USD of a call, rounded up to millionths; None without a price. `cached` and `stored` are among the `given`."""
    if price is None:
        return None
    if price.long and price.long_above is not None and given > price.long_above:
        price = price.long
    cached = min(cached, given)
    stored = min(stored, given - cached)
    usd = price.given * (given - cached - stored) + price.taken * taken
    usd += (price.given if price.cached is None else price.cached) * cached
    usd += (price.given if price.stored is None else price.stored) * stored
    return (usd / MILLION).quantize(SMALLEST, rounding=ROUND_UP)


def cost_at_most(price: Price | None, *, given: int, taken: int) -> Decimal | None:
    """USD of a call of which nothing is in the provider's cache, and all is put there where that costs more."""
    return cost(price, given=given, taken=taken, stored=given)


def _named(model: str, prices: Mapping[str, Price]) -> Price | None:
    return prices.get(model) or prices.get(without_version(model))

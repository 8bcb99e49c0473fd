"""Which language models there are, and which services that compare documents, from the settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from django.conf import settings

from autonomy.providers.anthropic import Anthropic
from autonomy.providers.gemini import Gemini
from autonomy.providers.offline import OfflineModel
from autonomy.providers.openai_compatible import OpenAICompatible
from autonomy.providers.pricing import Price, price_of
from autonomy.providers.provider import ModelProvider
from config.env import Environment
from config.language_models import LanguageModelSpec

VENDORS: Mapping[str, Callable[[LanguageModelSpec, Mapping[str, Price]], ModelProvider]] = {
    "openai": OpenAICompatible,
    "anthropic": Anthropic,
    "gemini": Gemini,
}


def language_models() -> list[ModelProvider]:
    """In order of preference. The offline model serves where nothing else is configured, or where the list names it;
    never as a fallback of its own accord: a run that was asked of a real model must not end with an extract without
    anybody noticing."""
    env: Environment = settings.ENV
    overrides = _overrides(env)
    return [_provider(spec, overrides) for spec in _specs(env)]


def asked_first(name: str | None) -> tuple[ModelProvider, LanguageModelSpec]:
    """The language model of that name, or else the first in the order; and what is configured of it."""
    named = list(zip(language_models(), _specs(settings.ENV), strict=True))
    return next((one for one in named if one[0].name == name), named[0])


def price_of_spec(spec: LanguageModelSpec) -> Price | None:
    """What that model's own answers cost; None where it is not known."""
    if spec.kind == "offline":
        return Price(Decimal(0), Decimal(0))
    own = None
    if spec.price_in is not None and spec.price_out is not None:
        own = Price(spec.price_in, spec.price_out, spec.price_cached)
    return price_of(spec.model, spec.model, own, _overrides(settings.ENV))


def model_names() -> list[str]:
    """Of the language models, in order of preference."""
    return [spec.name for spec in _specs(settings.ENV)]


def similarity_services() -> list[str]:
    """Names of the services that compare documents, where people do not carry them there."""
    return ["turnitin"] if settings.ENV.turnitin_mode == "core_api" else []


def _overrides(env: Environment) -> dict[str, Price]:
    return {
        model: Price(prices.usd_in, prices.usd_out, prices.usd_cached) for model, prices in env.autonomy_prices.items()
    }


def _specs(env: Environment) -> list[LanguageModelSpec]:
    if env.autonomy_language_models:
        return env.autonomy_language_models
    if env.openai_api_key is None and env.openai_base_url is None:
        return [LanguageModelSpec(kind="offline")]
    spec = LanguageModelSpec(
        kind="openai", base_url=env.openai_base_url, model=env.openai_model, key=env.openai_api_key
    )
    if env.openai_price_in is None or env.openai_price_out is None:
        return [spec]
    prices = {"price_in": Decimal(str(env.openai_price_in)), "price_out": Decimal(str(env.openai_price_out))}
    return [spec.model_copy(update=prices)]


def _provider(spec: LanguageModelSpec, overrides: Mapping[str, Price]) -> ModelProvider:
    if spec.kind == "offline":
        return OfflineModel()
    return VENDORS[spec.kind](spec, overrides)

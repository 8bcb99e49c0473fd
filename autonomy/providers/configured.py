"""Which language models there are, and which services that compare documents, from the settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from django.conf import settings

from autonomy.providers.anthropic import Anthropic
from autonomy.providers.gemini import Gemini
from autonomy.providers.offline import OfflineModel
from autonomy.providers.openai_compatible import OpenAICompatible
from autonomy.providers.pricing import Price
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
    overrides = {
        model: Price(prices.usd_in, prices.usd_out, prices.usd_cached) for model, prices in env.autonomy_prices.items()
    }
    return [_provider(spec, overrides) for spec in _specs(env)]


def model_names() -> list[str]:
    """Of the language models, in order of preference."""
    return [spec.name for spec in _specs(settings.ENV)]


def similarity_services() -> list[str]:
    """Names of the services that compare documents, where people do not carry them there."""
    return ["turnitin"] if settings.ENV.turnitin_mode == "core_api" else []


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

"""Which language models there are, from the settings."""

from __future__ import annotations

from django.conf import settings

from autonomy.ports import LanguageModel
from autonomy.providers.offline import OfflineModel
from autonomy.providers.openai_compatible import OpenAICompatible


def language_models() -> list[LanguageModel]:
    """In order of preference. The offline model serves only where nothing else is configured, never as a fallback:
    a run that was asked of a real model must not end with an extract without anybody noticing."""
    env = settings.ENV
    if env.openai_api_key is None and env.openai_base_url is None:
        return [OfflineModel()]
    return [
        OpenAICompatible(
            base_url=env.openai_base_url or "https://api.openai.com/v1",
            api_key=env.openai_api_key.get_secret_value() if env.openai_api_key else "",
            model=env.openai_model,
            price_in=env.openai_price_in,
            price_out=env.openai_price_out,
            timeout=env.autonomy_provider_timeout,
        )
    ]

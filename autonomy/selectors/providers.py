"""How the configured providers are."""

from __future__ import annotations

from typing import Any

from autonomy.models import ProviderCall
from autonomy.providers import off
from autonomy.providers.breaker import breaker
from autonomy.providers.configured import language_models
from autonomy.providers.provider import key_of
from autonomy.tools.web_search.configured import search_providers


def provider_states() -> list[dict[str, Any]]:
    """`[{name, kind, model, state, until, reason}]` of the language models and the search services, in their orders of
    preference. JSON-able.

    `state`: `closed`, `open` or `half_open`, as all workers see it; `off` where this process itself was refused.
    `until`: unix seconds at which it may be asked again at the latest, or None.
    """
    models = _models()
    states = breaker_states()
    told = []
    for key, model in models.items():
        kind, _, name = key.partition(":")
        off_here = {"state": "off", "until": None, "reason": off.is_off(key)}
        told.append({"name": name, "kind": kind, "model": model} | (off_here if off_here["reason"] else states[key]))
    return told


def breaker_states() -> dict[str, dict[str, Any]]:
    """`{"<kind>:<name>": {state, until, reason}}` of all configured providers."""
    return breaker().state(_models())


def _models() -> dict[str, str]:
    """What a breaker knows each provider by, and the model it is asked for."""
    kinds = ProviderCall.Kind
    models = {key_of(kinds.LLM, model.name): model.model for model in language_models()}
    return models | {key_of(kinds.SEARCH, service.name): "" for service in search_providers()}

"""How the configured providers are."""

from __future__ import annotations

from typing import Any

from autonomy.providers import off
from autonomy.providers.breaker import breaker
from autonomy.providers.configured import language_models


def provider_states() -> list[dict[str, Any]]:
    """`[{name, kind, model, state, until, reason}]` of the language models, in order of preference. JSON-able.

    `state`: `closed`, `open` or `half_open`, as all workers see it; `off` where this process itself was refused.
    `until`: unix seconds at which it may be asked again at the latest, or None.
    """
    models = {f"llm:{model.name}": model for model in language_models()}
    states = breaker().state(models)
    return [
        {"name": model.name, "kind": "llm", "model": getattr(model, "model", "")}
        | ({"state": "off", "until": None, "reason": refused} if (refused := off.is_off(key)) else states[key])
        for key, model in models.items()
    ]

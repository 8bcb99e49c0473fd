"""What is told of how the configured providers are, and those that refused their key."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from autonomy.providers import off
from autonomy.providers.breaker import breaker
from autonomy.selectors.providers import provider_states
from autonomy.tests.breakers import server

__all__ = ["server"]


@pytest.fixture
def _nothing_off() -> Iterator[None]:
    off.clear()
    yield
    off.clear()


@pytest.mark.usefixtures("_nothing_off")
def test_a_provider_that_refused_its_key_is_asked_again_after_a_while(monkeypatch):
    now = 1000.0
    monkeypatch.setattr(off, "monotonic", lambda: now)
    off.switch_off("llm:openai", "HTTP 401: the key was refused")
    now += 899
    assert (off.is_off("llm:openai"), off.is_off("llm:other")) == ("HTTP 401: the key was refused", "")
    now += 1
    assert off.is_off("llm:openai") == ""
    off.switch_off("llm:openai", "HTTP 403: the key was refused")
    assert off.is_off("llm:openai") == "HTTP 403: the key was refused"


@pytest.mark.usefixtures("_nothing_off")
def test_the_states_of_the_configured_models_are_told(settings, server):
    settings.REDIS_OPTIONS = server.options
    settings.ENV = settings.ENV.model_copy(update={"autonomy_search": ["crossref"]})
    breaker.cache_clear()
    searched = {"name": "crossref", "kind": "search", "model": "", "state": "closed", "until": None, "reason": ""}
    try:
        fine = {"name": "offline", "kind": "llm", "model": "extractive-1"}
        assert provider_states() == [{**fine, "state": "closed", "until": None, "reason": ""}, searched]
        breaker().cool("llm:offline", 60, "it asks to wait")
        cooled = provider_states()[:1]
        assert [(one["state"], one["reason"], one["until"] > time.time()) for one in cooled] == [
            ("open", "it asks to wait", True)
        ]
        assert json.loads(json.dumps(cooled)) == cooled
        off.switch_off("llm:offline", "HTTP 401: the key was refused")
        refused = {"state": "off", "until": None, "reason": "HTTP 401: the key was refused"}
        assert provider_states() == [{**fine, **refused}, searched]
    finally:
        breaker.cache_clear()

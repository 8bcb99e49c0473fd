"""Asking a provider again that is left alone because it failed, before its time is over."""

from __future__ import annotations

import structlog
from django.contrib.auth.models import User

from autonomy.errors import Conflict, NotFound, NotPermitted
from autonomy.models import ProviderCall
from autonomy.providers.breaker import breaker
from autonomy.providers.configured import language_models
from autonomy.providers.provider import key_of
from autonomy.tools.web_search.configured import search_providers

log = structlog.get_logger(__name__)
PERMISSION = "autonomy.change_providercall"


def ask_again(*, key: str, actor: User) -> None:
    """Forget what all workers hold against the provider; `key` is `<kind>:<name>`.

    Raises NotPermitted, NotFound for one that is not configured, and Conflict while Redis, where it is kept, is away.
    """
    if not actor.has_perm(PERMISSION):
        raise NotPermitted(permission=PERMISSION)
    models = {key_of(ProviderCall.Kind.LLM, one.name) for one in language_models()}
    services = {key_of(ProviderCall.Kind.SEARCH, one.name) for one in search_providers()}
    if key not in models | services:
        raise NotFound("No provider of that name is configured any more.", provider=key)
    breaker().forget(key)
    if not breaker().shared:
        raise Conflict("Redis does not answer, and the workers did not hear of it. Try again when it is back.")
    log.info("provider_asked_again", provider=key, actor=actor.get_username())

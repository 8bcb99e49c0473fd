"""Asking a provider again that is left alone because it failed, before its time is over."""

from __future__ import annotations

import structlog
from django.conf import settings
from django.contrib.auth.models import User

from autonomy.errors import Conflict, NotFound, NotPermitted
from autonomy.models import ProviderCall
from autonomy.providers.breaker import breaker
from autonomy.providers.configured import model_names, similarity_services
from autonomy.providers.provider import key_of

log = structlog.get_logger(__name__)
PERMISSION = "autonomy.change_providercall"


def ask_again(*, key: str, actor: User) -> None:
    """Forget what all workers hold against the provider; `key` is `<kind>:<name>`.

    Raises NotPermitted, NotFound for one that is not configured, and Conflict while Redis, where it is kept, is away.
    """
    if not actor.has_perm(PERMISSION):
        raise NotPermitted(permission=PERMISSION)
    models = {key_of(ProviderCall.Kind.LLM, name) for name in model_names()}
    services = {key_of(ProviderCall.Kind.SEARCH, name) for name in settings.ENV.autonomy_search}
    services |= {key_of(ProviderCall.Kind.SIMILARITY, name) for name in similarity_services()}
    if key not in models | services:
        raise NotFound("No provider of that name is configured any more.", provider=key)
    breaker().forget(key)
    if not breaker().shared:
        raise Conflict("Redis does not answer, and the workers did not hear of it. Try again when it is back.")
    log.info("provider_asked_again", provider=key, actor=actor.get_username())

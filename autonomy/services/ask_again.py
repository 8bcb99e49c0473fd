"""Asking a provider again that is left alone because it failed, before its time is over."""

from __future__ import annotations

import structlog
from django.conf import settings
from django.contrib.auth.models import User

from autonomy.errors import Conflict, NotFound, NotPermitted
from autonomy.providers.breaker import breaker
from autonomy.providers.configured import model_names

log = structlog.get_logger(__name__)
PERMISSION = "autonomy.change_providercall"


def ask_again(*, key: str, actor: User) -> None:
    """Forget what all workers hold against the provider; `key` is `<kind>:<name>`.

    Raises NotPermitted, NotFound for one that is not configured, and Conflict while Redis, where it is kept, is away.
    """
    env = settings.ENV
    if not actor.has_perm(PERMISSION):
        raise NotPermitted(permission=PERMISSION)
    if key not in {*(f"llm:{name}" for name in model_names()), *(f"search:{name}" for name in env.autonomy_search)}:
        raise NotFound("No provider of that name is configured any more.", provider=key)
    breaker().forget(key)
    if not breaker().shared:
        raise Conflict("Redis does not answer, and the workers did not hear of it. Try again when it is back.")
    log.info("provider_asked_again", provider=key, actor=actor.get_username())

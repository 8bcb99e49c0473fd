"""The real things behind the ports, put together for one job."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import structlog
from django.conf import settings

from autonomy.journeys.registry import journey_named
from autonomy.models import Run
from autonomy.ports import NodeContext
from autonomy.providers.caller import Caller
from autonomy.providers.configured import language_models
from autonomy.providers.gateway import Gateway
from autonomy.providers.provider import ModelProvider
from autonomy.runtime import lease
from autonomy.runtime.handoff import handoff_class
from autonomy.runtime.threads import on_any_thread
from autonomy.runtime.unit_of_work import UnitOfWork
from autonomy.tools.library import RunLibrary
from autonomy.tools.web_search.cascade import WebSearch
from autonomy.tools.web_search.configured import search_providers

log = structlog.get_logger(__name__)


def caller_for(run: Run, unit: UnitOfWork, seconds: Callable[[], tuple[float, float]]) -> Caller:
    """`seconds` tells the run's limit and what is spent of it by now."""
    proceed = partial(lease.require, unit.claim)
    return Caller(run_id=run.pk, node=unit.node, episodes=unit, proceed=proceed, seconds=seconds)


def node_context(run: Run, unit: UnitOfWork, caller: Caller) -> NodeContext:
    return NodeContext(
        model=on_any_thread(Gateway(_models_for(run), caller)),
        library=on_any_thread(RunLibrary(run.pk, episodes=unit, effect=unit.effect)),
        search=on_any_thread(WebSearch(search_providers(), caller)),
        handoff=on_any_thread(handoff_class()(run, unit)),
        episodes=on_any_thread(unit),
        max_revisions=run.max_revisions,
        max_redrafts=2,
        max_overlap=settings.ENV.autonomy_preflight_overlap,
        target_similarity=run.target_similarity,
    )


def _models_for(run: Run) -> list[ModelProvider]:
    """The one that the run or its journey asks for, and then the others in their order."""
    models = language_models()
    asked = run.task_spec.get("model") or journey_named(run.journey).model
    if asked and asked not in {model.name for model in models}:
        # It was configured when the run began: the run goes on with those there are.
        log.warning("model_not_configured", model=asked)
    return sorted(models, key=lambda model: model.name != asked)

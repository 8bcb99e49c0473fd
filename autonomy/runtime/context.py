"""The real things behind the ports, put together for one superstep."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from autonomy.models import Run
from autonomy.ports import NodeContext
from autonomy.providers.configured import language_models
from autonomy.providers.gateway import Gateway
from autonomy.runtime.unit_of_work import UnitOfWork
from autonomy.tools.library import RunLibrary


def handoff_class() -> Any:
    """The class named by AUTONOMY_HANDOFF: how autonomy reaches Turnitin without importing it."""
    return import_string(settings.AUTONOMY_HANDOFF)


def gateway_for(run: Run, unit: UnitOfWork) -> Gateway:
    return Gateway(language_models(), run_id=run.pk, node=unit.node, episodes=unit)


def node_context(run: Run, unit: UnitOfWork, gateway: Gateway) -> NodeContext:
    return NodeContext(
        model=gateway,
        library=RunLibrary(run.pk, episodes=unit, effect=unit.effect),
        handoff=handoff_class()(run, unit),
        episodes=unit,
        max_revisions=run.max_revisions,
        max_redrafts=2,
        target_similarity=run.target_similarity,
    )

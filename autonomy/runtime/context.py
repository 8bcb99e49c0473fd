"""The real things behind the ports, put together for one superstep."""

from __future__ import annotations

from functools import partial

from autonomy.models import Run
from autonomy.ports import NodeContext
from autonomy.providers.configured import language_models
from autonomy.providers.gateway import Gateway
from autonomy.runtime import lease
from autonomy.runtime.handoff import handoff_class
from autonomy.runtime.unit_of_work import UnitOfWork
from autonomy.tools.library import RunLibrary


def gateway_for(run: Run, unit: UnitOfWork) -> Gateway:
    proceed = partial(lease.require, unit.claim)
    return Gateway(language_models(), run_id=run.pk, node=unit.node, episodes=unit, proceed=proceed)


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

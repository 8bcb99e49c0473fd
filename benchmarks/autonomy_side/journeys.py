"""The bench's journey: Autonomy's engine on the bench's graph."""

from __future__ import annotations

from pydantic import Field, StrictFloat

from autonomy.journeys.journey import Journey, TaskSpec
from benchmarks.graph import build


class BenchSpec(TaskSpec):
    node_seconds: StrictFloat = Field(default=0.0, ge=0, description="How long each node waits, as for a model.")


JOURNEYS = [Journey("bench", "Bench", "Five steps that only change the state.", BenchSpec, graph=build)]

"""What a journey is: a name, the form of its task spec, and its default limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StringConstraints,
    field_validator,
)

from autonomy.graph.build import Graph, build


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("It holds a NUL character, which cannot be stored")
    return text


Line = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$"),
    AfterValidator(_storable),
]
Topic = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=3, max_length=1000), AfterValidator(_storable)
]


class LimitsSpec(BaseModel):
    """Limits of one run; what is left out keeps its default."""

    model_config = ConfigDict(extra="forbid")

    tokens: StrictInt | None = Field(default=None, gt=0, le=100_000_000)
    seconds: StrictFloat | StrictInt | None = Field(default=None, gt=0, le=86_400 * 30)
    usd: StrictFloat | StrictInt | None = Field(default=None, ge=0, le=100_000)

    @field_validator("usd")
    @classmethod
    def _six_decimals(cls, usd: float | None) -> float | None:
        if usd and round(usd, 6) != usd:
            raise ValueError("It has at most six decimals")
        return usd


class TaskSpec(BaseModel):
    """What is asked. The sources themselves come beside it and are kept as rows of their own."""

    model_config = ConfigDict(extra="forbid")

    topic: Topic = Field(description="What to write about.")
    title: Line | None = Field(default=None, description="Title of the document; empty: the plan chooses.")
    sections: list[Line] = Field(default=[], max_length=20, description="Headings in order; empty: the plan chooses.")
    words: StrictInt = Field(default=900, ge=100, le=20_000, description="Length to aim for.")
    web_search: StrictBool = Field(
        default=False,
        description=(
            "Also look for sources in the configured search services; the topic and the queries of the plan are sent "
            "to them."
        ),
    )
    model: Line | None = Field(
        default=None,
        description="Which of the configured language models is asked first; the others follow in their order.",
    )
    target_similarity: StrictFloat | StrictInt | None = Field(
        default=None, ge=0, le=1, description="Accepted up to here: a fraction, 0.15 for 15 percent."
    )
    max_revisions: StrictInt | None = Field(
        default=None, ge=0, le=20, description="Hand-offs after the first, at most."
    )
    limits: LimitsSpec = Field(default=LimitsSpec(), description="Limits of this run.")


@dataclass(frozen=True)
class Journey:
    """A kind of job people can start.

    `graph` builds and compiles its LangGraph graph, without a checkpointer. Its nodes have the names of
    graph/state.py, and each names the next one in the state's `route`. `limits` hold for a run that asks for none,
    instead of the settings' general ones. Where the task spec names no language model, `model` is asked first.
    """

    name: str
    title: str
    description: str
    task_spec: type[TaskSpec] = TaskSpec
    graph: Callable[[], Graph] = build
    limits: LimitsSpec = field(default_factory=LimitsSpec)
    model: str | None = None

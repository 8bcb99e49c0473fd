"""A journey that asks one field of each type, for tests of the start form."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StrictFloat, StrictInt, StringConstraints

from autonomy.journeys.journey import Journey, LimitsSpec, TaskSpec


class Audience(StrEnum):
    SCHOOL = "school"
    PUBLIC = "general_public"


class Rule(BaseModel):
    name: str
    weight: float = 1.0


class EveryTypeSpec(TaskSpec):
    words: StrictInt = Field(default=700, ge=500, le=900, description="Length to aim for.")
    course: Annotated[str, StringConstraints(min_length=2, max_length=20)] = Field(description="Its short name")
    remarks: str = Field(default="", max_length=2000)
    chapters: StrictInt = Field(default=3, ge=1, lt=10, title="Number of chapters")
    weight: StrictFloat | StrictInt | None = Field(default=None, gt=0, le=1)
    fee: Decimal = Decimal("1.5")
    anonymous: bool = True
    reviewed: bool | None = None
    audience: Audience = Audience.SCHOOL
    level: Literal[1, 2, 3]
    voice: Literal["plain", "formal"] | None = None
    keywords: list[str] = Field(default=["sea", "sand"], max_length=3)
    parts: list[Literal["summary", "glossary", "index"]] = ["summary"]
    due: date | None = None
    seen: datetime | None = None
    rules: list[Rule] = Field(default=[], description="How it is judged.")
    weights: dict[str, int] = {}


class NamedTopicSpec(TaskSpec):
    topic: Literal["Walls", "Sand"] = Field(description="One of two.")


JOURNEYS = [
    Journey(
        "every_type", "Every type", "One field of each type.", EveryTypeSpec, limits=LimitsSpec(tokens=77_000, usd=2.5)
    ),
    Journey("named_topic", "Named topic", "A common field made narrower.", NamedTopicSpec),
]

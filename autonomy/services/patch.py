"""What a person may change in the state that a fork begins with.

Sources, reports, spend and identity are not among it: nobody can invent a source or forge a report by a patch.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StringConstraints

from autonomy.errors import InvalidInput
from autonomy.journeys.form import fitted
from autonomy.journeys.journey import Line

SectionId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=300)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PlannedSection(_Form):
    id: SectionId
    heading: Line
    question: str = Field(max_length=500)
    words: StrictInt = Field(ge=1, le=20_000)
    queries: list[Text] = Field(min_length=1, max_length=5)
    passages: list[Text] | None = Field(default=None, min_length=1, max_length=100)


class Plan(_Form):
    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300, pattern=r"^[^\n\r]+$")]
    words: StrictInt = Field(ge=1, le=20_000)
    sections: list[PlannedSection] = Field(min_length=1, max_length=20)


class WrittenSection(_Form):
    id: SectionId
    markdown: str = Field(max_length=50_000)


class Draft(_Form):
    """`words` and `writers` are made anew; `markdown` is put together from the sections, and can only agree."""

    sections: list[WrittenSection] = Field(min_length=1, max_length=20)
    markdown: str | None = None
    words: int | None = None
    writers: list[str] | None = None


class Steering(_Form):
    note: str = Field(max_length=5_000)


class Patch(_Form):
    """Of a graph state. Everything is optional; `task` is merged into the task spec and checked by the journey."""

    task: dict[str, Any] | None = None
    plan: Plan | None = None
    draft: Draft | None = None
    route: Literal["plan", "research", "draft", "critic"] | None = None
    last_verdict: Steering | None = None


def patch_of(given: dict[str, Any] | None) -> Patch:
    """The patch in its form. Raises InvalidInput; a field that may not be patched is named."""
    try:
        text = json.dumps(given or {}, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (TypeError, ValueError):
        raise unfit("patch", "It must be JSON: no NaN, and no half of a surrogate pair.") from None
    if re.search(r"(?<!\\)(?:\\\\)*\\u0000", text):
        raise unfit("patch", "It holds a NUL character, which cannot be stored.")
    may = "task, plan, draft, route and last_verdict.note may be patched"
    return fitted(Patch, given or {}, "patch", f"The patch does not fit ({may}); details name the fields to mend.")


def unfit(field: str, hint: str) -> InvalidInput:
    return InvalidInput("The patch does not fit; details say how to mend it.", fields={field: [hint]})

"""The journeys that come with Autonomy."""

from __future__ import annotations

from pydantic import Field, StrictInt

from autonomy.journeys.journey import Journey, TaskSpec


class LiteratureReviewSpec(TaskSpec):
    words: StrictInt = Field(default=1500, ge=300, le=20_000, description="Length to aim for.")


class ReportSpec(TaskSpec):
    words: StrictInt = Field(default=1200, ge=200, le=20_000, description="Length to aim for.")


JOURNEYS = [
    Journey("essay", "Essay", "A cited essay on one topic, from the sources given."),
    Journey("literature_review", "Literature review", "What the given sources say, by theme.", LiteratureReviewSpec),
    Journey("report", "Report", "A factual report under the headings asked for.", ReportSpec),
]

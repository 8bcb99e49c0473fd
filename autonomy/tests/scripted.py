from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from autonomy.ports import ModelAnswer, ModelRequest
from autonomy.providers.attempt import Usage


class ScriptedModel:
    """Answers from what it is given: a plan of one section, and a paragraph with one verbatim quotation.

    `before` is called with each request and may raise; `section` replaces the text that is written. `usage` is what
    each answer takes, `spare` what is reserved for it beyond that.
    """

    name = "scripted"
    model = "script-1"
    window = None

    def __init__(self) -> None:
        self.requests: list[ModelRequest] = []
        self.before: Callable[[ModelRequest], None] = lambda request: None
        self.section: Callable[[ModelRequest], str] = write_section
        self.usage = (10, 5)
        self.spare = 0
        self.usd: Decimal | None = None

    def at_most(self, request: ModelRequest) -> Usage:
        tokens_in, tokens_out = self.usage
        return Usage(tokens_in, tokens_out + self.spare, usd=self.usd)

    def answer(self, request: ModelRequest, *, timeout: float = 60) -> ModelAnswer:
        self.requests.append(request)
        self.before(request)
        content = plan_of(request) if request.purpose == "plan" else {"markdown": self.section(request)}
        return ModelAnswer(content, self.name, self.model, *self.usage, self.usd)


def plan_of(request: ModelRequest) -> dict[str, Any]:
    section = {"heading": "Walls", "question": "What do walls do?", "words": 100, "queries": ["sea wall waves"]}
    return {"title": "On sea walls", "sections": [section]}


def write_section(request: ModelRequest) -> str:
    passage = request.material["passages"][0]
    quotation = passage["text"].split(". ")[0]
    own = " ".join(["This is plainly the point that concerns a town and its people here."] * 4)
    return f"One source says: “{quotation}” [@{passage['key']}]. {own} [@{passage['key']}]"

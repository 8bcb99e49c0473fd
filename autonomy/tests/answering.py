"""A server on this machine that gives one answer, whatever it is asked, and remembers what it was asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from autonomy.ports import ModelRequest
from autonomy.tests.local_server import Answer, Asked, LocalServer
from config.language_models import LanguageModelSpec

KEY = "sk-test-1234567890"
GOOD = {"title": "Sea walls"}
REQUEST = ModelRequest("plan", "Name it.", {"topic": "Sea walls"}, {"type": "object"}, max_output_tokens=200)


@dataclass
class Answering:
    url: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    asked: list[Asked] = field(default_factory=list)

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        text = self.body if isinstance(self.body, str) else json.dumps(self.body)
        return self.status, self.headers, text.encode()

    def spec(self, kind: str, **given: Any) -> LanguageModelSpec:
        """A model at this server, with a key."""
        return LanguageModelSpec.model_validate(
            {"kind": kind, "base_url": self.url, "model": "stage-1", **given}
        ).model_copy(update={"key": SecretStr(KEY)})


@contextmanager
def answering() -> Iterator[Answering]:
    state = Answering()
    server = LocalServer(state.answer)
    state.url = server.url
    try:
        yield state
    finally:
        server.close()

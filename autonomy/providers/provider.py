"""What the gateway asks of a language model: one attempt, and beforehand how much it can use at most."""

from __future__ import annotations

from typing import Protocol

from autonomy.ports import ModelAnswer, ModelRequest
from autonomy.providers.attempt import Usage


class ModelProvider(Protocol):
    """One attempt at one model. The order is the gateway's business, retrying and counting the operation's.

    `name` is unique among the configured ones; `window` is how many tokens prompt and answer may have together, or
    None where it is not known.
    """

    @property
    def name(self) -> str: ...

    @property
    def model(self) -> str: ...

    @property
    def window(self) -> int | None: ...

    def at_most(self, request: ModelRequest) -> Usage:
        """The worst case of one attempt: the prompt counted upwards, the longest answer, at this model's price."""

    def answer(self, request: ModelRequest, *, timeout: float) -> ModelAnswer:
        """One attempt, over within `timeout` seconds. Raises AttemptFailed. The content is not yet checked."""


def key_of(kind: str, name: str) -> str:
    """What breaker and `off` know a language model or a search service by: `llm:openai`, `search:crossref`."""
    return f"{kind}:{name}"

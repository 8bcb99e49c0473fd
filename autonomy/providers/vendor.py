"""One attempt at a language model over HTTP: what all vendors have in common."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from autonomy.ports import ModelAnswer, ModelRequest
from autonomy.providers import content, estimate, exchange, pricing, prompt, refusal
from autonomy.providers.attempt import MODEL_LENGTH, AttemptFailed, Fault, Usage
from autonomy.providers.pricing import Price
from autonomy.providers.prompt import Prompt
from autonomy.telemetry.redaction import redact_content
from config.language_models import LanguageModelSpec

MOST_TOKENS = 10_000_000  # more than any model takes or gives: a larger count is a mistake


@dataclass(frozen=True)
class Tokens:
    """As the vendor counted them. `cached` and `stored` are those of `given` that were read from, and written to, its
    cache; thoughts are among `taken`.
    """

    given: int
    taken: int
    cached: int = 0
    stored: int = 0


@dataclass(frozen=True)
class Heard:
    """What a vendor answered, in our own terms. `text` is None where it is no answer of this vendor's form.

    `declined` says in our own words why the model would not answer.
    """

    text: str | None = None
    model: str = ""
    tokens: Tokens | None = None
    cut: bool = False
    declined: str = ""


class Vendor(ABC):
    """Implements ModelProvider but for the wire: a vendor says how to ask, and what an answer means.

    `overrides` are the operator's prices by model, see pricing.price_of.
    """

    def __init__(self, spec: LanguageModelSpec, overrides: Mapping[str, Price]) -> None:
        self.spec = spec
        self.name, self.model, self.window = spec.name, spec.model, spec.window
        self._overrides = overrides
        self._own = None
        if spec.price_in is not None and spec.price_out is not None:
            self._own = Price(spec.price_in, spec.price_out, spec.price_cached)

    @abstractmethod
    def url(self) -> str: ...

    @abstractmethod
    def headers(self, key: str) -> dict[str, str]:
        """With the key, or what remains where there is none (`key` is empty)."""

    @abstractmethod
    def body(self, asked: Prompt, most: int) -> dict[str, Any]:
        """`most`: tokens the model may write, thoughts among them."""

    @abstractmethod
    def heard(self, answer: dict[str, Any]) -> Heard:
        """Reads without trust: every part of `answer` may be missing or of another type."""

    def at_most(self, request: ModelRequest) -> Usage:
        given, taken = prompt.of(request).tokens_at_most(), self._most(request)
        usd = pricing.cost_at_most(self._price(self.model), given=given, taken=taken)
        return Usage(given, taken, usd=usd, estimated=True)

    def answer(self, request: ModelRequest, *, timeout: float) -> ModelAnswer:
        asked, most = prompt.of(request), self._most(request)
        headers = self.headers(self.spec.key.get_secret_value() if self.spec.key else "")
        reply = exchange.send("POST", self.url(), headers=headers, json=self.body(asked, most), timeout=timeout)
        if reply.status != 200:
            raise refusal.of(reply)
        heard = self.heard(_envelope(reply.body)) if reply.whole else Heard()
        # It stands in the draft: who wrote it.
        model = redact_content(content.clean_text(heard.model))[:MODEL_LENGTH] or self.model
        usage = self._usage(heard, model, asked, reply, most)
        if heard.declined:
            raise AttemptFailed(heard.declined, Fault.REFUSED, http_status=200, usage=usage)
        try:
            parsed = content.parse(heard.text or "")
        except ValueError:
            reason = _what_is_wrong(reply, heard)
            raise AttemptFailed(reason, Fault.MALFORMED, http_status=200, usage=usage) from None
        return ModelAnswer(
            content=parsed,
            provider=self.name,
            model=model,
            tokens_in=usage.tokens_in,
            tokens_out=usage.tokens_out,
            usd=usage.usd,
            tokens_cached=usage.tokens_cached,
            estimated=usage.estimated,
        )

    def _most(self, request: ModelRequest) -> int:
        return request.max_output_tokens + self.spec.thinking

    def _price(self, answered: str) -> Price | None:
        return pricing.price_of(answered, self.model, self._own, self._overrides)

    def _usage(self, heard: Heard, model: str, asked: Prompt, reply: exchange.Reply, most: int) -> Usage:
        counted = heard.tokens
        if counted is None:
            # Of a body that cannot be read nobody knows how much of it the model wrote: at most what was asked for.
            written = len(reply.body) if heard.text is None else estimate.at_most(heard.text) + self.spec.thinking
            counted = Tokens(asked.tokens_at_most(), min(written, most))
        usd = pricing.cost(
            self._price(model),
            given=counted.given,
            taken=counted.taken,
            cached=counted.cached,
            stored=counted.stored,
        )
        return Usage(counted.given, counted.taken, counted.cached, usd, estimated=heard.tokens is None)


def count(value: object) -> TypeGuard[int]:
    """Whether a reported number of tokens can be true."""
    return type(value) is int and 0 <= value <= MOST_TOKENS


def part_of(value: object, whole: int) -> int:
    """A reported number of tokens among others; 0 where there is none that can be true."""
    return min(value, whole) if count(value) else 0


def name_of(value: object) -> str:
    """A reported name; empty where there is none."""
    return value if isinstance(value, str) else ""


def _envelope(body: bytes) -> dict[str, Any]:
    """The answer as an object; empty where it is none."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _what_is_wrong(reply: exchange.Reply, heard: Heard) -> str:
    if not reply.whole:
        return "the answer is too large"
    if heard.text is None:
        return "the answer has no known form"
    if heard.cut:
        return "the answer was cut off at its maximum length"
    return "the answer is not a JSON object"

"""A language model that needs no network: it finds, quotes and names, and never makes anything up."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

from autonomy.ports import ModelAnswer, ModelRequest
from autonomy.providers.attempt import AttemptFailed, Fault, Usage
from autonomy.providers.offline import plan, section

_NEEDED = {"plan": ("topic", "words", "sources"), "section": ("topic", "heading", "words", "passages")}
_NEEDED_OF_PASSAGE = ("id", "key", "text")


class OfflineModel:
    """Implements ModelProvider by extraction. Equal requests get equal answers; nothing costs money.

    Tokens are estimated upwards, as one for every three bytes of UTF-8.
    """

    model = "extractive-1"
    window = None

    def __init__(self, name: str = "offline") -> None:
        self.name = name

    def at_most(self, request: ModelRequest) -> Usage:
        return Usage(_tokens_in(request), request.max_output_tokens, usd=Decimal(0), estimated=True)

    def answer(self, request: ModelRequest, *, timeout: float | None = None) -> ModelAnswer:
        """Answer a `plan` or `section` request within `max_output_tokens`; raises AttemptFailed for any other.

        It waits for nothing and nobody, so `timeout` is not looked at.
        """
        _check(request)
        content = self._content(request)
        return ModelAnswer(
            content=content,
            provider=self.name,
            model=self.model,
            tokens_in=_tokens_in(request),
            tokens_out=_tokens(content),
            usd=Decimal(0),
        )

    def _content(self, request: ModelRequest) -> dict[str, Any]:
        if request.purpose == "plan":
            content = plan.make(request.material)
            if _tokens(content) <= request.max_output_tokens:
                return content
        else:
            words = int(request.material["words"])
            while words >= 20:
                content = section.write({**request.material, "words": words})
                if _tokens(content) <= request.max_output_tokens:
                    return content
                words = words * 2 // 3
        raise AttemptFailed(
            f"the answer does not fit into {request.max_output_tokens} output tokens; allow more", Fault.REFUSED
        )


def _check(request: ModelRequest) -> None:
    if request.purpose not in _NEEDED:
        raise AttemptFailed(f"the offline model does not know the purpose {request.purpose!r}", Fault.REFUSED)
    missing = [name for name in _NEEDED[request.purpose] if name not in request.material]
    if request.purpose == "section" and not missing:
        passages = request.material["passages"]
        missing = [f"passages.{name}" for name in _NEEDED_OF_PASSAGE if any(name not in one for one in passages)]
    if missing:
        raise AttemptFailed(f"the request lacks {', '.join(missing)}", Fault.REFUSED)


def _tokens_in(request: ModelRequest) -> int:
    return _tokens(request.instructions) + _tokens(request.material)


def _tokens(value: object) -> int:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return math.ceil(len(text.encode("utf-8", "replace")) / 3)

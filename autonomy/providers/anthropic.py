"""Anthropic's Messages API.

Sources of the wire facts: https://platform.claude.com/docs/en/api/messages and, for `stop_reason`,
https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons
"""

from __future__ import annotations

from typing import Any

from autonomy.providers.prompt import Prompt
from autonomy.providers.vendor import MOST_TOKENS, Heard, Tokens, Vendor, count, name_of, part_of

VERSION = "2023-06-01"
CUT = ("max_tokens", "model_context_window_exceeded")


class Anthropic(Vendor):
    def url(self) -> str:
        return f"{self.spec.address}/v1/messages"

    def headers(self, key: str) -> dict[str, str]:
        return {"anthropic-version": VERSION} | ({"x-api-key": key} if key else {})

    def body(self, asked: Prompt, most: int) -> dict[str, Any]:
        """It has no JSON mode: the prompt alone asks for JSON."""
        body: dict[str, Any] = {
            "model": self.model,
            "max_tokens": most,
            "system": asked.system,
            "messages": [{"role": "user", "content": asked.user}],
        }
        if self.spec.temperature is not None:
            body["temperature"] = self.spec.temperature
        return body

    def heard(self, answer: dict[str, Any]) -> Heard:
        stopped, blocks = answer.get("stop_reason"), answer.get("content")
        return Heard(
            text="".join(map(_text_of_block, blocks)) if isinstance(blocks, list) else None,
            model=name_of(answer.get("model")),
            tokens=_tokens(answer.get("usage")),
            cut=stopped in CUT,
            declined="the model declined to answer" if stopped == "refusal" else "",
        )


def _text_of_block(block: object) -> str:
    """Blocks of thinking have no part in the answer."""
    match block:
        case {"type": "text", "text": str(text)}:
            return text
    return ""


def _tokens(usage: object) -> Tokens | None:
    """`input_tokens` leaves out what was read from the cache and what was written to it."""
    if not isinstance(usage, dict):
        return None
    fresh, taken = usage.get("input_tokens"), usage.get("output_tokens")
    if not count(fresh) or not count(taken):
        return None
    cached = part_of(usage.get("cache_read_input_tokens"), MOST_TOKENS)
    stored = part_of(usage.get("cache_creation_input_tokens"), MOST_TOKENS)
    return Tokens(fresh + cached + stored, taken, cached, stored)

"""A chat completion, read without trust: every part of it may be missing or of another type.

Source of the wire facts: https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

import json
from typing import Any, TypeGuard

from autonomy.providers.attempt import MODEL_LENGTH
from autonomy.providers.content import clean_text

MOST_TOKENS = 10_000_000  # more than any model takes or gives: a larger count is a mistake


def read(body: bytes) -> dict[str, Any]:
    """The response as an object; empty where it is none."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def text(answer: dict[str, Any]) -> str | None:
    """What the model wrote; None where the response is not a chat completion."""
    match answer:
        case {"choices": [{"message": {"content": None}}, *_]}:
            return ""
        case {"choices": [{"message": {"content": str(content)}}, *_]}:
            return content
        case {"choices": [{"message": {"content": list(parts)}}, *_]}:
            return "".join(map(_text_of_part, parts))
    return None


def was_cut(answer: dict[str, Any]) -> bool:
    """Whether the model ran into its maximum length."""
    match answer:
        case {"choices": [{"finish_reason": "length"}, *_]}:
            return True
    return False


def model(answer: dict[str, Any]) -> str:
    """The model that answered, as the ledger can hold it; empty where it is not told."""
    name = answer.get("model")
    return clean_text(name)[:MODEL_LENGTH] if isinstance(name, str) else ""


def tokens(answer: dict[str, Any]) -> tuple[int, int, int] | None:
    """Tokens in, out, and cached of those in; None where the report is missing or cannot be true."""
    usage = answer.get("usage")
    if not isinstance(usage, dict):
        return None
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if not _plausible(prompt) or not _plausible(completion):
        return None
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else None
    return prompt, completion, min(cached, prompt) if _plausible(cached) else 0


def _text_of_part(part: object) -> str:
    match part:
        case str(content) | {"type": "text", "text": str(content)}:
            return content
    return ""


def _plausible(count: object) -> TypeGuard[int]:
    return type(count) is int and 0 <= count <= MOST_TOKENS

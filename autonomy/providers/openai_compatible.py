"""Any endpoint that speaks OpenAI's chat completions: OpenAI, OpenRouter, Groq, vLLM, Ollama, LM Studio …

Source of the wire facts: https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from autonomy.providers.prompt import Prompt
from autonomy.providers.vendor import Heard, Tokens, Vendor, count, name_of, part_of


class OpenAICompatible(Vendor):
    def url(self) -> str:
        return f"{self.spec.address}/chat/completions"

    def headers(self, key: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {key}"} if key else {}

    def body(self, asked: Prompt, most: int) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": "system", "content": asked.system}, {"role": "user", "content": asked.user}],
            self._max_tokens_field(): most,
        }
        if self.spec.temperature is not None:
            body["temperature"] = self.spec.temperature
        if self.spec.json_mode:
            body["response_format"] = {"type": "json_object"}
        return body

    def heard(self, answer: dict[str, Any]) -> Heard:
        choice, declined = _first_choice(answer), ""
        match choice:
            case {"finish_reason": "content_filter"}:
                declined = "the answer was held back by the provider's content filter"
            case {"message": {"refusal": str(said)}} if said:
                declined = "the model declined to answer"
        return Heard(
            text=_text(choice),
            model=name_of(answer.get("model")),
            tokens=_tokens(answer.get("usage")),
            cut=choice.get("finish_reason") == "length",
            declined=declined,
        )

    def _max_tokens_field(self) -> str:
        """OpenAI's newer models refuse max_tokens; most of those who speak like OpenAI know nothing else."""
        if self.spec.max_tokens_field:
            return self.spec.max_tokens_field
        is_openai = urlsplit(self.spec.address).hostname == "api.openai.com"
        return "max_completion_tokens" if is_openai else "max_tokens"


def _first_choice(answer: dict[str, Any]) -> dict[str, Any]:
    match answer:
        case {"choices": [dict(choice), *_]}:
            return choice
    return {}


def _text(choice: dict[str, Any]) -> str | None:
    match choice:
        case {"message": {"content": None}}:
            return ""
        case {"message": {"content": str(content)}}:
            return content
        case {"message": {"content": list(parts)}}:
            return "".join(map(_text_of_part, parts))
    return None


def _text_of_part(part: object) -> str:
    match part:
        case str(content) | {"type": "text", "text": str(content)}:
            return content
    return ""


def _tokens(usage: object) -> Tokens | None:
    if not isinstance(usage, dict):
        return None
    given, taken = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if not count(given) or not count(taken):
        return None
    details = usage.get("prompt_tokens_details")
    details = details if isinstance(details, dict) else {}
    cached = part_of(details.get("cached_tokens"), given)
    return Tokens(given, taken, cached, part_of(details.get("cache_write_tokens"), given - cached))

"""Google's Gemini API.

Sources of the wire facts: https://ai.google.dev/api/generate-content and, for thoughts,
https://ai.google.dev/gemini-api/docs/thinking
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from autonomy.providers.prompt import Prompt
from autonomy.providers.vendor import Heard, Tokens, Vendor, count, name_of, part_of

# Why an answer is withheld for good. What else ends an answer may come out better when it is asked for again.
WITHHELD = {
    "SAFETY": "the answer was withheld for safety",
    "RECITATION": "the answer was withheld as a recitation of other texts",
    "LANGUAGE": "the model does not write this language",
    "BLOCKLIST": "the answer was withheld for forbidden terms",
    "PROHIBITED_CONTENT": "the answer was withheld as prohibited content",
    "SPII": "the answer was withheld for personal data",
}


class Gemini(Vendor):
    def url(self) -> str:
        """Without the key: an address is logged by whoever passes it on."""
        return f"{self.spec.address}/v1beta/models/{quote(self.model, safe='')}:generateContent"

    def headers(self, key: str) -> dict[str, str]:
        return {"x-goog-api-key": key} if key else {}

    def body(self, asked: Prompt, most: int) -> dict[str, Any]:
        settings: dict[str, Any] = {"maxOutputTokens": most}
        if self.spec.temperature is not None:
            settings["temperature"] = self.spec.temperature
        if self.spec.json_mode:
            settings["responseMimeType"] = "application/json"
        return {
            "systemInstruction": {"parts": [{"text": asked.system}]},
            "contents": [{"role": "user", "parts": [{"text": asked.user}]}],
            "generationConfig": settings,
        }

    def heard(self, answer: dict[str, Any]) -> Heard:
        text, finished = _text(answer), _finish_reason(answer)
        declined = WITHHELD.get(finished, "")
        match answer:
            case {"promptFeedback": {"blockReason": str(why)}} if why and why != "BLOCK_REASON_UNSPECIFIED":
                declined = "the prompt was blocked by the provider's safety filter"
        return Heard(
            text=text,
            model=name_of(answer.get("modelVersion")),
            tokens=_tokens(answer.get("usageMetadata")),
            cut=finished == "MAX_TOKENS",
            declined=declined,
        )


def _finish_reason(answer: dict[str, Any]) -> str:
    match answer:
        case {"candidates": [{"finishReason": str(reason)}, *_]}:
            return reason
    return ""


def _text(answer: dict[str, Any]) -> str | None:
    match answer:
        case {"candidates": [{"content": {"parts": list(parts)}}, *_]}:
            return "".join(map(_text_of_part, parts))
        case {"candidates": [{"finishReason": str()}, *_]}:
            return ""  # an answer cut short within its thoughts has no parts
    return None


def _text_of_part(part: object) -> str:
    match part:
        case {"thought": True}:
            return ""
        case {"text": str(text)}:
            return text
    return ""


def _tokens(usage: object) -> Tokens | None:
    """A count that is zero is left out by Gemini; the prompt's is never zero."""
    if not isinstance(usage, dict):
        return None
    given, written, thoughts = (
        usage.get("promptTokenCount"),
        usage.get("candidatesTokenCount", 0),
        usage.get("thoughtsTokenCount", 0),
    )
    if not count(given) or not count(written) or not count(thoughts):
        return None
    return Tokens(given, written + thoughts, part_of(usage.get("cachedContentTokenCount"), given))

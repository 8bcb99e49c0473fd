"""OpenAI's chat completions. Source: https://platform.openai.com/docs/api-reference/chat and …/guides/error-codes."""

from __future__ import annotations

import time
from typing import Any

from autonomy.demo.stage.completion import MOST_TOKENS, Asked, Completion
from autonomy.demo.stage.reply import Reply
from autonomy.demo.stage.request import Request
from autonomy.demo.stage.vendor import LanguageVendor, text_of

INVALID = "invalid_request_error"
# Status: type, code, message.
ERRORS: dict[int, tuple[str, str | None, str]] = {
    400: (INVALID, None, "The request is not valid."),
    401: (INVALID, "invalid_api_key", "Incorrect API key provided."),
    403: ("request_forbidden", "unsupported_country_region_territory", "Country, region, or territory not supported"),
    404: (INVALID, "model_not_found", "The model does not exist or you do not have access to it."),
    422: (INVALID, None, "The request cannot be processed."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached on requests per min (RPM): Limit 3, Used 3."),
    500: ("server_error", None, "The server had an error while processing your request. Sorry about that!"),
    503: ("server_error", None, "The engine is currently overloaded, please try again later"),
}


class OpenAI(LanguageVendor):
    name = "openai"

    def serves(self, request: Request) -> bool:
        return request.method == "POST" and request.path.endswith("/chat/completions")

    def asked(self, request: Request) -> Asked:
        messages = request.body["messages"]
        most = request.body.get("max_completion_tokens") or request.body.get("max_tokens") or MOST_TOKENS
        texts = [text_of(message["content"]) for message in messages]
        of_user = [text for text, one in zip(texts, messages, strict=True) if one["role"] == "user"]
        return Asked(str(request.body["model"]), texts, of_user, int(most))

    def envelope(self, completion: Completion) -> dict[str, Any]:
        message = {"role": "assistant", "content": completion.text, "refusal": None}
        reason = "length" if completion.cut else "stop"
        told: dict[str, Any] = {
            "id": "chatcmpl-stage",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": completion.model,
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": reason}],
        }
        if completion.usage:
            tokens_in, tokens_out = completion.usage
            told["usage"] = {
                "prompt_tokens": tokens_in,
                "completion_tokens": tokens_out,
                "total_tokens": tokens_in + tokens_out,
                "prompt_tokens_details": {"cached_tokens": 0},
            }
        return told

    def error(self, status: int, says: str = "", delay: float | None = None) -> Reply:
        if status == 402:  # OpenAI has none; this is how OpenRouter says it
            message = says or "Insufficient credits. Add more and try again."
            return Reply.json(402, {"error": {"message": message, "code": 402}})
        kind, code, message = ERRORS.get(status, ("server_error" if status >= 500 else INVALID, None, "An error."))
        told = {"message": says or message, "type": kind, "param": None, "code": code}
        return Reply.json(status, {"error": told}, {"x-request-id": "req_stage"})

    def quota(self) -> Reply:
        message = "You exceeded your current quota, please check your plan and billing details."
        told = {"message": message, "type": "insufficient_quota", "param": None, "code": "insufficient_quota"}
        return Reply.json(429, {"error": told}, {"x-request-id": "req_stage"})

    def bad_key(self, key: str) -> Reply:
        return self.error(401, f"Incorrect API key provided: {key}.")

    def overflow(self) -> Reply:
        message = (
            "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens. "
            "Please reduce the length of the messages."
        )
        told = {"message": message, "type": INVALID, "param": "messages", "code": "context_length_exceeded"}
        return Reply.json(400, {"error": told}, {"x-request-id": "req_stage"})

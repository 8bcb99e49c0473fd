"""Anthropic's messages. Source: https://docs.claude.com/en/api/messages and https://docs.claude.com/en/api/errors."""

from __future__ import annotations

from typing import Any

from autonomy.demo.stage.completion import Asked, Completion
from autonomy.demo.stage.reply import Reply
from autonomy.demo.stage.request import Request
from autonomy.demo.stage.vendor import LanguageVendor, text_of

# Status: type, message.
ERRORS = {
    400: ("invalid_request_error", "The request is not valid."),
    401: ("authentication_error", "invalid x-api-key"),
    402: ("billing_error", "There is a problem with your billing or payment information."),
    403: ("permission_error", "Your API key does not have permission to use the specified resource."),
    404: ("not_found_error", "model: no-such-model"),
    413: ("request_too_large", "Request exceeds the maximum size"),
    422: ("invalid_request_error", "The request cannot be processed."),
    429: ("rate_limit_error", "This request would exceed your organization's rate limit of 50 requests per minute."),
    500: ("api_error", "Internal server error"),
    529: ("overloaded_error", "Overloaded"),
}


class Anthropic(LanguageVendor):
    name = "anthropic"

    def serves(self, request: Request) -> bool:
        return request.method == "POST" and request.path == "/v1/messages"

    def missing(self, request: Request) -> Reply | None:
        if not request.headers.get("x-api-key"):
            return self.error(401, "x-api-key header is required")
        if not request.headers.get("anthropic-version"):
            return self.error(400, "anthropic-version: header is required")
        if not isinstance(request.body, dict) or "max_tokens" not in request.body:
            return self.error(400, "max_tokens: Field required")
        return None

    def asked(self, request: Request) -> Asked:
        of_user = [text_of(one["content"]) for one in request.body["messages"] if one["role"] == "user"]
        others = [text_of(one["content"]) for one in request.body["messages"] if one["role"] != "user"]
        system = text_of(request.body.get("system", ""))
        return Asked(request.body["model"], [system, *of_user, *others], of_user, int(request.body["max_tokens"]))

    def envelope(self, completion: Completion) -> dict[str, Any]:
        told: dict[str, Any] = {
            "id": "msg_stage",
            "type": "message",
            "role": "assistant",
            "model": completion.model,
            "content": [{"type": "text", "text": completion.text}],
            "stop_reason": "max_tokens" if completion.cut else "end_turn",
            "stop_sequence": None,
        }
        if completion.usage:
            tokens_in, tokens_out = completion.usage
            told["usage"] = {
                "input_tokens": tokens_in,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0,
                "output_tokens": tokens_out,
            }
        return told

    def error(self, status: int, says: str = "", delay: float | None = None) -> Reply:
        kind, message = ERRORS.get(status, ("api_error" if status >= 500 else "invalid_request_error", "An error."))
        told = {"type": "error", "error": {"type": kind, "message": says or message}, "request_id": "req_stage"}
        return Reply.json(status, told, {"request-id": "req_stage"})

    def quota(self) -> Reply:
        """A plain 400: only its words tell it from a request that is wrong.

        Seen in https://github.com/anthropics/claude-code/issues/66314; a 402 is documented beside it.
        """
        return self.error(400, "Your credit balance is too low to access the Anthropic API. Please purchase credits.")

    def bad_key(self, key: str) -> Reply:
        return self.error(401)

    def overflow(self) -> Reply:
        return self.error(400, "prompt is too long: 210000 tokens > 200000 maximum")

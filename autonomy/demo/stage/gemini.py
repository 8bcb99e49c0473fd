"""Gemini's generateContent. Source: https://ai.google.dev/api/generate-content and …/gemini-api/docs/troubleshooting.

The bodies of errors are as reported in https://github.com/google-gemini/gemini-cli/issues (8437, 12214, 25198).
"""

from __future__ import annotations

import re
from typing import Any

from autonomy.demo.stage.completion import MOST_TOKENS, Asked, Completion
from autonomy.demo.stage.reply import Reply
from autonomy.demo.stage.request import Request
from autonomy.demo.stage.vendor import LanguageVendor, text_of

PATH = re.compile(r"/v1(?:beta)?/models/([^/:]+):generateContent")
TYPE = "type.googleapis.com/google.rpc."
# The same words for the limit of a minute and of a day: only the name of the quota tells them apart.
EXHAUSTED = "You exceeded your current quota, please check your plan and billing details."
ERRORS = {
    400: ("INVALID_ARGUMENT", "The request is not valid."),
    401: ("UNAUTHENTICATED", "Request had invalid authentication credentials."),
    402: ("FAILED_PRECONDITION", "Billing is not enabled."),
    403: ("PERMISSION_DENIED", "The caller does not have permission."),
    404: ("NOT_FOUND", "models/no-such-model is not found for API version v1beta."),
    422: ("INVALID_ARGUMENT", "The request cannot be processed."),
    500: ("INTERNAL", "An internal error has occurred. Please retry."),
    503: ("UNAVAILABLE", "The model is overloaded. Please try again later."),
    504: ("DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
}


class Gemini(LanguageVendor):
    name = "gemini"

    def serves(self, request: Request) -> bool:
        return request.method == "POST" and PATH.fullmatch(request.path) is not None

    def missing(self, request: Request) -> Reply | None:
        if request.key:
            return None
        return self.error(403, "Method doesn't allow unregistered callers. Please use API Key to call this API.")

    def asked(self, request: Request) -> Asked:
        found = PATH.fullmatch(request.path)
        assert found
        contents = request.body["contents"]
        texts = [text_of(content["parts"]) for content in contents]
        of_user = [text for text, one in zip(texts, contents, strict=True) if one.get("role", "user") == "user"]
        # The older spelling of every field is taken too, as by the vendor.
        system = request.body.get("systemInstruction") or request.body.get("system_instruction") or {"parts": []}
        most = (request.body.get("generationConfig") or {}).get("maxOutputTokens") or MOST_TOKENS
        return Asked(found[1], [text_of(system["parts"]), *texts], of_user, int(most))

    def envelope(self, completion: Completion) -> dict[str, Any]:
        content = {"parts": [{"text": completion.text}], "role": "model"}
        reason = "MAX_TOKENS" if completion.cut else "STOP"
        told: dict[str, Any] = {
            "candidates": [{"content": content, "finishReason": reason, "index": 0}],
            "modelVersion": completion.model,
            "responseId": "stage",
        }
        if completion.usage:
            tokens_in, tokens_out = completion.usage
            told["usageMetadata"] = {
                "promptTokenCount": tokens_in,
                "candidatesTokenCount": tokens_out,
                "totalTokenCount": tokens_in + tokens_out,
            }
        return told

    def error(self, status: int, says: str = "", delay: float | None = None) -> Reply:
        if status == 429:
            return self._exhausted("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", says, delay)
        kind, message = ERRORS.get(status, ("UNAVAILABLE" if status >= 500 else "INVALID_ARGUMENT", "An error."))
        return _told(status, kind, says or message)

    def quota(self) -> Reply:
        return self._exhausted("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "", None)

    def bad_key(self, key: str) -> Reply:
        """A 400, unlike with others."""
        reason = {"@type": f"{TYPE}ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}
        return _told(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", reason)

    def overflow(self) -> Reply:
        return self.error(
            400, "The input token count (1054016) exceeds the maximum number of tokens allowed (1048576)."
        )

    def _exhausted(self, quota: str, says: str, delay: float | None) -> Reply:
        metric = "generativelanguage.googleapis.com/generate_content_free_tier_requests"
        failure = {"@type": f"{TYPE}QuotaFailure", "violations": [{"quotaMetric": metric, "quotaId": quota}]}
        again = [] if delay is None else [{"@type": f"{TYPE}RetryInfo", "retryDelay": f"{delay:g}s"}]
        return _told(429, "RESOURCE_EXHAUSTED", says or EXHAUSTED, failure, *again)


def _told(status: int, kind: str, message: str, *details: dict[str, Any]) -> Reply:
    told: dict[str, Any] = {"code": status, "message": message, "status": kind}
    return Reply.json(status, {"error": told | ({"details": list(details)} if details else {})})

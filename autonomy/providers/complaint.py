"""What a provider says is wrong, out of the JSON of its error. Codes decide; a phrase only where there is no code.

The text itself goes no further than this file: it may echo a key. Sources:
https://platform.openai.com/docs/guides/error-codes, https://platform.claude.com/docs/en/api/errors,
https://platform.claude.com/docs/en/api/rate-limits, https://ai.google.dev/gemini-api/docs/troubleshooting,
https://cloud.google.com/apis/design/errors
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

QUOTA_CODES = {
    "insufficient_quota",
    "billing_hard_limit_reached",
    "billing_not_active",
    "billing_error",
    "insufficient_credits",
    "insufficient_balance",
    "exceeded_current_quota_error",
    "enforced_spend_limit_reached",
}
# Anthropic calls both an invalid_request_error, like any mistake in the request.
QUOTA_PHRASES = (
    "credit balance is too low",
    "reached your specified api usage",
    "reached your specified workspace api",
)
OVERFLOW_CODES = {"context_length_exceeded", "exceed_context_size_error", "request_too_large"}
# Anthropic, Gemini, and servers that speak like OpenAI without its codes (vLLM, Ollama …).
OVERFLOW_PHRASES = (
    re.compile(r"prompt is too long"),
    re.compile(r"exceed context limit"),
    re.compile(r"input token count.* exceeds the maximum"),
    re.compile(r"maximum context length"),
)
KEY_CODES = {"api_key_invalid"}
PER_DAY = "perday"
_SECONDS = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")


@dataclass(frozen=True)
class Complaint:
    """`quota`: nothing helps until somebody pays or the day is over. `overflow`: the request is too long for the model.
    `key`: the key is wrong. `wait`: seconds to wait, where the body says so.
    """

    quota: bool = False
    overflow: bool = False
    key: bool = False
    wait: float | None = None


def read(body: bytes) -> Complaint:
    """Reads without trust; a body that is no JSON complains of nothing."""
    error = _error(body)
    details = list(_details(error))
    codes = set(_codes(error, details))
    text = error.get("message")
    message = text.lower() if isinstance(text, str) else ""
    return Complaint(
        quota=bool(codes & QUOTA_CODES)
        or any(phrase in message for phrase in QUOTA_PHRASES)
        or any(PER_DAY in name.lower() for name in _quotas(details)),
        overflow=bool(codes & OVERFLOW_CODES) or any(phrase.search(message) for phrase in OVERFLOW_PHRASES),
        key=bool(codes & KEY_CODES),
        wait=next(_waits(details), None),
    )


def _error(body: bytes) -> dict[str, Any]:
    """Under `error` with all three vendors, at the top with older vLLM."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    match answer:
        case {"error": dict(error)} | [{"error": dict(error)}, *_]:
            return error
    return answer if isinstance(answer, dict) else {}


def _details(error: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Google gives a list of details, Anthropic one."""
    details = error.get("details")
    for detail in details if isinstance(details, list) else [details]:
        if isinstance(detail, dict):
            yield detail


def _codes(error: dict[str, Any], details: list[dict[str, Any]]) -> Iterator[str]:
    for code in (error.get("code"), error.get("type"), *(d.get(n) for d in details for n in ("error_code", "reason"))):
        if isinstance(code, str):
            yield code.lower()


def _quotas(details: list[dict[str, Any]]) -> Iterator[str]:
    """The names of the quotas that Google says are used up."""
    for detail in details:
        match detail:
            case {"violations": list(violations)}:
                yield from (str(one.get("quotaId")) for one in violations if isinstance(one, dict))
            case {"metadata": {"quota_limit": str(name)}}:
                yield name


def _waits(details: list[dict[str, Any]]) -> Iterator[float]:
    """Google's RetryInfo: seconds with an s."""
    for detail in details:
        delay = detail.get("retryDelay")
        if isinstance(delay, str) and (seconds := _SECONDS.fullmatch(delay)):
            yield float(seconds[1])

"""What a model wrote, made safe to keep: strict JSON, and strings that Postgres can hold and that tell no secret.

A provider may echo a key into an answer, and a draft is read by people who may not know it.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from autonomy.telemetry.redaction import redact_content

DEEPEST = 64
_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")
_FENCED = re.compile(r"\s*```(?:json)?[ \t]*\n(.*)```\s*", re.DOTALL | re.IGNORECASE)


def clean_text(text: str) -> str:
    """Without NUL and lone surrogates, which neither the database nor UTF-8 can hold."""
    return _UNKEEPABLE.sub("", text)


def parse(text: str) -> dict[str, Any]:
    """The JSON object that the text is, its strings cleaned and without secrets.

    Models like to put a fence around it: that is taken off. Raises ValueError.
    """
    text = clean_text(text)
    if fenced := _FENCED.fullmatch(text):
        text = fenced[1]
    try:
        value = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("not an object")
    cleaned: dict[str, Any] = _cleaned(value, 0)
    return cleaned


def _cleaned(value: Any, depth: int) -> Any:
    if depth > DEEPEST:
        raise ValueError("nested too deeply")
    if isinstance(value, str):
        return redact_content(clean_text(value))
    if isinstance(value, list):
        return [_cleaned(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {redact_content(clean_text(key)): _cleaned(item, depth + 1) for key, item in value.items()}
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError("too large a number")
    return value

"""JSON as people paste it: what cannot be stored, or was surely not meant, is refused with a sentence."""

from __future__ import annotations

import json
from typing import Any

from django import forms

NUL = "\0"


def json_of(text: str) -> Any:
    """Raises ValueError with a sentence."""
    try:
        value = json.loads(text, parse_constant=_no_number, object_pairs_hook=_each_name_once)
        written = json.dumps(value, ensure_ascii=False, allow_nan=False)
        written.encode()
    except RecursionError:
        raise ValueError("It is nested too deeply.") from None
    except UnicodeEncodeError:
        raise ValueError("It holds half of a surrogate pair, which is no character.") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"It is not JSON: {error.msg} (line {error.lineno}, column {error.colno}).") from None
    except ValueError as error:
        raise ValueError(f"It is not JSON: {error}.") from None
    if _holds_nul(value):
        raise ValueError("It holds a NUL character, which cannot be stored.")
    return value


class JsonField(forms.CharField):
    """Any JSON value, or None where nothing is written. What was typed stays as it was typed."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        try:
            return json_of(text)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None

    def validate(self, value: Any) -> None:
        if self.required and value is None:
            raise forms.ValidationError(self.error_messages["required"], code="required")

    def run_validators(self, value: Any) -> None:
        """Those of text are not for JSON."""


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _holds_nul(value: Any) -> bool:
    if isinstance(value, dict):
        return any(NUL in name or _holds_nul(one) for name, one in value.items())
    if isinstance(value, list):
        return any(map(_holds_nul, value))
    return isinstance(value, str) and NUL in value

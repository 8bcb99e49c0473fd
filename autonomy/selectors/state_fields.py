"""What two values of a name differ in, in the form that suits them: a row of a difference."""

from __future__ import annotations

from typing import Any

from autonomy.text import json_diff, text_diff


def row(name: str, before: Any, after: Any) -> dict[str, Any] | None:
    """None for equal values, else `{name}` with one of: `pieces` (text_diff.py) for two texts, `lines` (json_diff.py)
    for what is nested, `from` and `to` for everything else. Lists of texts are compared as texts, a line each."""
    if before == after:
        return None
    old, new = (_text(value) for value in (before, after))
    if old and new and (" " in old + new or "\n" in old + new):
        return {"name": name, "pieces": text_diff.told(text_diff.pieces(old, new))}
    if any(value and isinstance(value, dict | list) and _text(value) is None for value in (before, after)):
        return {"name": name, "lines": json_diff.compared(before, after)}
    return {"name": name, "from": before, "to": after}


def rows(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    """A row for each name that differs; what is nested once has names with a full stop."""
    old, new = _flat(before), _flat(after)
    found = (row(name, old.get(name), new.get(name)) for name in {**old, **new})
    return [one for one in found if one]


def _flat(values: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= {f"{name}.{inner}": one for inner, one in value.items()} if isinstance(value, dict) else {name: value}
    return flat


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        return "\n".join(value)
    return None

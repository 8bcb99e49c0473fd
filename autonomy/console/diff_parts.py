"""The parts of a difference as their templates want them: names, verdicts and figures in words."""

from __future__ import annotations

from typing import Any

from autonomy.console import state_words
from autonomy.text.percent import percent

_VARIANTS = {"added": "success", "removed": "danger", "changed": "info", "moved": "default"}
# Words of a change that is shown in lines of its own.
LONG = 60
_SHARES = {"overlap": "overlap with the sources", "quoted": "share of quotation"}


def shown(channel: str, part: Any) -> Any:
    """The part with a `label` in each row, a `variant` in each section, a `block` in each piece; one value in words."""
    if channel == "route":
        return {side: state_words.node(part[side]) for side in ("from", "to")}
    if channel == "last_observation":
        return {side: state_words.observation(part[side]) for side in ("from", "to")}
    labelled = _labelled(part)
    if channel != "last_verdict":
        return labelled
    said = {side: state_words.verdict(part[side]) for side in ("from", "to")}
    return labelled | said | {"measured": _measured(part["preflight"] or {})}


def _labelled(value: Any) -> Any:
    if isinstance(value, list):
        return [_labelled(one) for one in value]
    if not isinstance(value, dict):
        return value
    if "op" in value:
        return _shown_piece(value)
    told = {name: _labelled(one) for name, one in value.items()}
    if "name" in value:
        told["label"] = state_words.field(value["name"]).capitalize()
        told |= {side: _plain(value[side]) for side in ("from", "to") if side in value}
    if "change" in value:
        told["variant"] = _VARIANTS[value["change"]]
    return told


def _shown_piece(piece: dict[str, Any]) -> dict[str, Any]:
    """A change that is long is a block of its own; else the lines it begins with end before its sign."""
    text = piece.get("text", "")
    if piece["op"] not in ("added", "removed"):
        return piece
    if "\n\n" in text.strip() or len(text.split()) > LONG:
        return piece | {"block": True, "lead": "", "text": text.strip("\n") or text}
    kept = text.lstrip("\n") or text
    return piece | {"block": False, "lead": text[: len(text) - len(kept)], "text": kept}


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _measured(preflight: dict[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for name, found in preflight.items():
        if found is None:
            continue
        old, new = found["from"], found["to"]
        if name in _SHARES:
            old, new = (_share(value, beside) for value, beside in ((old, new), (new, old)))
        rows.append({"label": _SHARES.get(name, "stretches as in a source").capitalize(), "from": old, "to": new})
    return rows


def _share(value: Any, beside: Any) -> Any:
    if not isinstance(value, int | float):
        return value
    return percent(value, beside if isinstance(beside, int | float) else None)

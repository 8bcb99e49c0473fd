"""The spend of today and this month as figures, and as bars: numbers for an SVG, without a script or a style."""

from __future__ import annotations

from typing import Any

from autonomy.console import figures

KINDS = {"llm": "Language model", "search": "Search", "embedding": "Embedding", "similarity": "Similarity"}
# In units of the SVG, which is stretched to the width there is.
SLOT, BAR, HEIGHT = 10, 7, 60
WHOLE = 100


def spend_chart(spend: dict[str, Any]) -> dict[str, Any]:
    """`spend`: what selectors/daily_spend.py tells."""
    days, dearest = spend["days"], _dearest(spend["days"])
    past = [one for one in days if one["day"] <= spend["today"]]
    month = spend["total"]["month"]
    return {
        "counted_at": spend["counted_at"],
        "month": f"{spend['today']:%B %Y}",
        "any": bool(month["attempts"]),
        "today": _amount(spend["total"]["today"]),
        "total": _amount(month),
        "providers": [_provider(one, month["usd"] or 0.0) for one in spend["providers"]],
        "unknown": month["unknown_price"],
        "dearest": {"day": dearest["day"], "usd": figures.usd(dearest["usd"])} if dearest else None,
        "width": SLOT * len(days),
        "height": HEIGHT,
        "bars": [_bar(one, number, spend, dearest) for number, one in enumerate(past)],
        "first": days[0]["day"],
        "last": days[-1]["day"],
        "days": [{"day": one["day"], "amount": _amount(one)} for one in past],
    }


def _dearest(days: list[dict[str, Any]]) -> dict[str, Any] | None:
    return max((one for one in days if one["usd"]), key=lambda one: one["usd"], default=None)


def _bar(one: dict[str, Any], number: int, spend: dict[str, Any], dearest: dict[str, Any] | None) -> dict[str, Any]:
    """What is spent can be seen, however little it is."""
    usd = one["usd"] or 0.0
    height = max(2, round(HEIGHT * usd / dearest["usd"])) if usd and dearest else 0
    kind = "today" if one["day"] == spend["today"] else "past"
    if not height and one["unknown_price"]:
        kind, height = "unknown", 4
    return {
        "kind": kind,
        "x": number * SLOT + (SLOT - BAR) / 2,
        "y": HEIGHT - height,
        "width": BAR,
        "height": height,
        "title": f"{one['day']:%d %B}: {_in_a_line(_amount(one))}",
    }


def _provider(one: dict[str, Any], total: float) -> dict[str, Any]:
    usd = one["month"]["usd"] or 0.0
    return {
        "name": one["name"],
        "kind": KINDS[one["kind"]],
        "today": _amount(one["today"]),
        "month": _amount(one["month"]),
        "attempts": one["month"]["attempts"],
        "tokens": one["month"]["tokens"],
        "share": max(1, round(WHOLE * usd / total)) if usd and total else 0,
    }


def _amount(figure: dict[str, Any]) -> dict[str, str]:
    """`{known, unknown}`: never a nought in place of what is not known."""
    usd, calls = figure["usd"], figure["unknown_price"]
    return {
        "known": "–" if usd is None else figures.usd(usd),
        "unknown": f"{calls:,} call{'s' if calls != 1 else ''} of unknown price" if calls else "",
    }


def _in_a_line(amount: dict[str, str]) -> str:
    return " and ".join(part for part in amount.values() if part not in ("", "–")) or "nothing"

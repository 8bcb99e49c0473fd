"""What a document matched, named in a sentence: for the note that a revision begins with.

Names come from a report or from sources: they are data, and stand in quotation marks on one line, bounded.
"""

from __future__ import annotations

from typing import Any

from autonomy.text.percent import percent
from autonomy.text.quoted_name import quoted_name

MOST = 5


def fraction(value: object) -> float | None:
    """The value if it is a number from 0 to 1, else None: no figure is made of anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= 1 else None


def named(report: dict[str, Any], preflight: dict[str, Any] | None) -> str:
    """The report's top matches, or else the sources that have most of the draft; empty if neither names any."""
    if matches := _of_report(report.get("top_matches")):
        return f"It matches {', '.join(matches)}."
    if sources := _of_preflight(preflight or {}):
        return f"Of the run's sources it has most in common, quotations included, with {', '.join(sources)}."
    return ""


def _of_report(matches: object) -> list[str]:
    """`[{name, similarity, …}]`, as they came from outside: what is not in this form is passed over."""
    known = [one for one in matches if isinstance(one, dict)] if isinstance(matches, list) else []
    told = [(fraction(one.get("similarity")) or 0.0, quoted_name(str(one.get("name") or ""))) for one in known]
    told = sorted((one for one in told if one[1] != quoted_name("")), key=lambda one: -one[0])
    return [name + (f" ({percent(share)})" if share else "") for share, name in told[:MOST]]


def _of_preflight(preflight: dict[str, Any]) -> list[str]:
    sources = preflight.get("sources", [])[:MOST]
    return [f"{quoted_name(one['title'])} [@{one['key']}] ({one['words']} words)" for one in sources]

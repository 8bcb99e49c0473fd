"""The sources a report names. None of them exists, and some have names that must not be trusted."""

from __future__ import annotations

from typing import Any

LONG = "Proceedings of the sample symposium on walls, shores and the keeping of towns " * 20

# Name, kind of source, and its part of the whole.
SOURCES = (
    ("www.example.org/sample/sea-walls", "INTERNET", 0.5),
    ('<b>Walls</b> & tides</td><script>alert("sample")</script>', "PUBLICATION", 0.25),
    (LONG.strip(), "CROSSREF", 0.15),
    ("Submitted to Sample University on 2024-11-03", "SUBMITTED_WORK", 0.1),
)


def top_matches(percentage: int) -> list[dict[str, Any]]:
    """Those of a report with this whole percentage, the largest first; none of a report that found nothing."""
    if not percentage:
        return []
    return [
        {
            "name": name,
            "percentage": round(percentage * part, 1),
            "source_type": kind,
            "matched_word_count_total": round(percentage * part * 10),
        }
        for name, kind, part in SOURCES
    ]

"""Fractions as people say them: 0.15 is 15%."""

from __future__ import annotations

MOST_DECIMALS = 15


def percent(fraction: float, beside: float | None = None) -> str:
    """With one decimal where there is something to say with it; with more where `beside` would look the same."""
    decimals = 1
    if beside is not None and beside != fraction:
        while decimals < MOST_DECIMALS and f"{fraction:.{decimals}%}" == f"{beside:.{decimals}%}":
            decimals += 1
    number = f"{fraction:.{decimals}%}".removesuffix("%")
    return f"{number.rstrip('0').rstrip('.')}%"

"""Similarity against its target, drawn: shares of a bar's width, and the same in words."""

from __future__ import annotations

from dataclasses import dataclass

from autonomy.console import figures

# Where the bar ends: small figures are not to be a hair at its left.
_ENDS = (0.25, 0.5, 1.0)


@dataclass(frozen=True)
class SimilarityScale:
    """`observed` and `target` are percents of the bar's width, as SVG takes them; `end` is the percent at its right."""

    observed: str
    target: str
    end: str
    within: bool
    words: str


def similarity_scale(observed: float | None, target: float) -> SimilarityScale:
    most = max(observed or 0.0, target)
    end = next((one for one in _ENDS if most <= 0.9 * one), 1.0)
    within = observed is not None and observed <= target
    goal = figures.similarity(target)
    if observed is None:
        words = f"No similarity so far. The target is {goal} at most."
    else:
        words = f"Similarity {figures.similarity(observed)}, {'within' if within else 'above'} the target of {goal}."
    return SimilarityScale(
        observed="" if observed is None else f"{100 * observed / end:.2f}%",
        target=f"{100 * target / end:.2f}%",
        end=f"{100 * end:g}\u00a0%",
        within=within,
        words=words,
    )

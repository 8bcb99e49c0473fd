"""The audit: what must be true of the database once everything has settled, whatever was killed before.

Plain SQL against the tables, so that no code of the engine vouches for itself. Each check is a function that returns
its findings as sentences; an empty list means that it holds. It changes nothing.
"""

from benchmarks.chaos.audit import checkpoints, episodes, hand_offs, runs, spending
from benchmarks.chaos.audit.check import CHECKS, Finding

__all__ = ["CHECKS", "Finding", "audit", "checkpoints", "episodes", "hand_offs", "runs", "spending"]


def audit() -> list[Finding]:
    """Every finding of every check."""
    return [Finding(check.__name__, sentence) for check in CHECKS for sentence in check()]

"""The work every subject does: five steps, each of which leaves about 2 KB of new text in the state."""

from __future__ import annotations

import random
import zlib

STEPS = 5
BYTES = 2048


def _prose(characters: int) -> str:
    """Words of random letters: no subject gains from a text that repeats itself."""
    letters = random.Random(2048)
    words = ["".join(letters.choices("abcdefghijklmnopqrstuvwxyz", k=letters.randint(2, 9))) for _ in range(8000)]
    return " ".join(words)[:characters]


_TEXT = _prose(32_768)


def text_of(run: str, step: int) -> str:
    """2 KB that differ from step to step and from run to run."""
    at = zlib.crc32(f"{run}/{step}".encode()) % (len(_TEXT) - BYTES)
    return _TEXT[at : at + BYTES]

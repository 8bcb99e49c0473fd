"""Words that a PDF's spacing has torn apart: `busi nesses`, `E nergy`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

_TORN = re.compile(r"(?<![\w’'.-])([^\W\d_]+) (?=([^\W\d_]+))")
_WORD = re.compile(r"[^\W\d_]+")
_ONE_LETTER = frozenset("aio")
# Only a document torn in this many of its words is mended: elsewhere a likely pair is a coincidence.
_EVERY = 150


def rejoined(lines: Sequence[str]) -> list[str]:
    """The lines with torn words whole again, judged by how the document writes the word elsewhere."""
    known = Counter(word.lower() for line in lines for word in _WORD.findall(line))
    pairs = Counter((a.lower(), b.lower()) for line in lines for a, b in _TORN.findall(line))
    beside: Counter[str] = Counter()
    for (a, b), count in pairs.items():
        if known[a + b]:
            beside.update({a: count, b: count})

    def torn(a: str, b: str) -> bool:
        a, b = a.lower(), b.lower()
        rarer = min((a, b), key=lambda part: known[part])
        if a in _ONE_LETTER:
            return False  # “a long” is not “along”
        # A fragment stands nowhere but beside what it was torn from.
        return known[a + b] > 0 and known[a + b] + 1 >= known[rarer] and beside[rarer] >= known[rarer]

    amount = sum(count for (a, b), count in pairs.items() if torn(a, b))
    if amount < max(8, sum(known.values()) / _EVERY):
        return list(lines)
    return [_TORN.sub(lambda match: match[1] if torn(match[1], match[2]) else match[0], line) for line in lines]

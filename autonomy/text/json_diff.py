"""What two values of plain data differ in, line by line of their JSON."""

from __future__ import annotations

import json
from difflib import SequenceMatcher
from typing import Any

MOST_LINES = 2_000
MOST_LETTERS = 300
# Lines that are shown around a change.
AROUND = 2


def lines(value: Any) -> list[str]:
    """The value's JSON, bounded: a note stands in the place of what is left out."""
    found = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, default=str).split("\n")
    left_out = len(found) - MOST_LINES
    if left_out > 0:
        found[MOST_LINES:] = [f"… {left_out} more lines …"]
    return [line if len(line) <= MOST_LETTERS else f"{line[: MOST_LETTERS - 1]}…" for line in found]


def compared(before: Any, after: Any) -> list[dict[str, Any]]:
    """`[{op, text}]`, a line each, `op` as in text_diff; unchanged ones far from a change are `{op: "skipped", lines}`.

    Where two values differ only in what the bounds leave out, no line is removed or added.
    """
    a, b = lines(before), lines(after)
    found: list[dict[str, Any]] = []
    opcodes = SequenceMatcher(None, a, b).get_opcodes()
    for number, (op, i, k, j, m) in enumerate(opcodes):
        if op == "equal":
            head = AROUND if number else 0
            tail = AROUND if number < len(opcodes) - 1 else 0
            found += _around(a[i:k], head, tail)
        else:
            found += [{"op": "removed", "text": line} for line in a[i:k]]
            found += [{"op": "added", "text": line} for line in b[j:m]]
    return found


def _around(unchanged: list[str], head: int, tail: int) -> list[dict[str, Any]]:
    skipped = len(unchanged) - head - tail
    if skipped <= 1:
        return [{"op": "same", "text": line} for line in unchanged]
    return [
        *({"op": "same", "text": line} for line in unchanged[:head]),
        {"op": "skipped", "lines": skipped},
        *({"op": "same", "text": line} for line in unchanged[len(unchanged) - tail :]),
    ]

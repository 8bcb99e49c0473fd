"""What two texts differ in, word by word, in pieces that people can read.

Long texts stay quick: places that certainly belong together (a few words in a row that each text has once) cut them
into short stretches, and only those are compared word by word. A stretch too long for that was written anew.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import takewhile
from typing import Any, Literal, NamedTuple

from autonomy.text.rising import longest_rising

Op = Literal["same", "removed", "added"]

# Tokens are words and the spaces between them: this many in a row are three words.
ANCHOR = 5
# Of a stretch: its tokens before times its tokens after. Beyond it stands as removed and added.
MOST_COMPARED = 1_000_000
# Fewer words in common, for each of the longer side, and a stretch reads better as removed and added.
LEAST_ALIKE = 0.3
# As few words between two changes that are longer are read as part of the change; more words are, if both changes are
# so many times as long.
ISLAND = 2
SEA = 4
# Words that are shown around a change.
AROUND = 30

_TOKEN = re.compile(r"\s+|\S+")


class Piece(NamedTuple):
    op: Op
    text: str


def pieces(before: str, after: str) -> list[Piece]:
    """`same` and `removed` put together are the text before, `same` and `added` the text after, to the letter."""
    a, b = _TOKEN.findall(before), _TOKEN.findall(after)
    found = _joined(_compared(a, b))
    return _joined(_without_islands(found))


def told(found: Sequence[Piece]) -> list[dict[str, Any]]:
    """The pieces as JSON, `{op, text}`. A long stretch in which nothing changed is `{op: "skipped", words}`."""
    shown: list[dict[str, Any]] = []
    for number, piece in enumerate(found):
        if piece.op != "same":
            shown.append(piece._asdict())
            continue
        head = AROUND if number else 0
        tail = AROUND if number < len(found) - 1 else 0
        tokens = _TOKEN.findall(piece.text)
        places = [place for place, token in enumerate(tokens) if not token.isspace()]
        skipped = len(places) - head - tail
        if skipped <= AROUND:
            shown.append(piece._asdict())
            continue
        first = places[head] if head else 0
        last = places[-tail] if tail else len(tokens)
        shown += [
            {"op": "same", "text": "".join(tokens[:first])},
            {"op": "skipped", "words": skipped},
            {"op": "same", "text": "".join(tokens[last:])},
        ]
    return [one for one in shown if one.get("text") != ""]


def counted(found: Iterable[Piece]) -> tuple[int, int]:
    """How many words are added, and how many removed."""
    words: Counter[str] = Counter()
    for piece in found:
        words[piece.op] += len(piece.text.split())
    return words["added"], words["removed"]


def _compared(a: list[str], b: list[str]) -> Iterator[Piece]:
    i = j = 0
    for x, y in [*_anchors(a, b), (len(a), len(b))]:
        if x < i or y < j:  # within what the last one has grown to
            continue
        yield from _stretch(a[i:x], b[j:y])
        i, j = x, y
        while i < len(a) and j < len(b) and a[i] == b[j]:
            i, j = i + 1, j + 1
        yield Piece("same", "".join(a[x:i]))


def _anchors(a: list[str], b: list[str]) -> list[tuple[int, int]]:
    """Where both texts have the same words, each of them once, in an order that both keep."""
    here, there = _once(a), _once(b)
    pairs = sorted((place, there[words]) for words, place in here.items() if words in there)
    kept = longest_rising([place for _, place in pairs])
    return [pairs[place] for place in kept]


def _once(tokens: list[str]) -> dict[tuple[str, ...], int]:
    runs = [tuple(tokens[place : place + ANCHOR]) for place in range(len(tokens) - ANCHOR + 1)]
    often = Counter(runs)
    return {run: place for place, run in enumerate(runs) if often[run] == 1}


def _stretch(a: list[str], b: list[str]) -> Iterator[Piece]:
    head = 0
    while head < min(len(a), len(b)) and a[head] == b[head]:
        head += 1
    tail = 0
    while tail < min(len(a), len(b)) - head and a[-1 - tail] == b[-1 - tail]:
        tail += 1
    yield Piece("same", "".join(a[:head]))
    yield from _differing(a[head : len(a) - tail], b[head : len(b) - tail])
    yield Piece("same", "".join(a[len(a) - tail :]))


def _differing(a: list[str], b: list[str]) -> Iterator[Piece]:
    whole = [Piece("removed", "".join(a)), Piece("added", "".join(b))]
    if not a or not b or len(a) * len(b) > MOST_COMPARED:
        yield from whole
        return
    compared = SequenceMatcher(None, a, b)
    same = sum(
        not token.isspace() for start, _, size in compared.get_matching_blocks() for token in a[start : start + size]
    )
    words = max(sum(not token.isspace() for token in side) for side in (a, b))
    if same < LEAST_ALIKE * words:
        yield from whole
        return
    for op, i, k, j, m in compared.get_opcodes():
        if op == "equal":
            yield Piece("same", "".join(a[i:k]))
        else:
            yield Piece("removed", "".join(a[i:k]))
            yield Piece("added", "".join(b[j:m]))


def _without_islands(found: list[Piece]) -> Iterator[Piece]:
    """A few words that stayed in the middle of larger changes are struck out and written again with them."""
    for number, piece in enumerate(found):
        if piece.op == "same" and 0 < number < len(found) - 1 and _lost(piece, _around(found, number)):
            yield Piece("removed", piece.text)
            yield Piece("added", piece.text)
        else:
            yield piece


def _lost(island: Piece, changes: tuple[int, int]) -> bool:
    """Whether nobody would read the words between two changes of so many words as words that stayed."""
    words = len(island.text.split())
    return words < min(changes) if words <= ISLAND else words * SEA <= min(changes)


def _around(found: list[Piece], number: int) -> tuple[int, int]:
    """The words of the change before a piece and of the one after it, each on its longer side."""
    before, after = found[max(0, number - 2) : number][::-1], found[number + 1 : number + 3]
    sides = (takewhile(lambda piece: piece.op != "same", side) for side in (before, after))
    first, second = (max((len(piece.text.split()) for piece in side), default=0) for side in sides)
    return first, second


def _joined(found: Iterable[Piece]) -> list[Piece]:
    """Neighbours of one kind are one piece; of a change, what is removed stands first."""
    joined: list[Piece] = []
    removed: list[str] = []
    added: list[str] = []

    def end_change() -> None:
        whole = (Piece("removed", "".join(removed)), Piece("added", "".join(added)))
        joined.extend(piece for piece in whole if piece.text)
        removed.clear()
        added.clear()

    for piece in found:
        if not piece.text:
            continue
        if piece.op == "removed":
            removed.append(piece.text)
        elif piece.op == "added":
            added.append(piece.text)
        else:
            end_change()
            if joined and joined[-1].op == "same":
                joined[-1] = Piece("same", joined[-1].text + piece.text)
            else:
                joined.append(piece)
    end_change()
    return joined

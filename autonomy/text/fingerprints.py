"""Finding shared wording by fingerprints: winnowing over runs of words (Schleimer, Wilkerson and Aiken, 2003).

Every run of RUN words, a gram, is hashed; of each WINDOW grams in a row the smallest hash is a fingerprint, the last of
equals. Texts that share RUN + WINDOW - 1 words in a row share a whole window, and so its fingerprint: **any shared run
of SURE words or more is found**. What is shorter than RUN words never is. In between it would be a matter of luck, so a
fingerprint only says where to look, and `Wording.shared_with` counts runs of SURE words and more, word by word: what it
finds depends on no hash.

SURE is 8: shorter runs are mostly everybody's (“on the other hand it is not”), and 8 is the least that Turnitin lets
one leave out as a small match. RUN is 5: with less, common phrases bring work without a find; with more, windows get
small, and hardly a gram is spared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from zlib import crc32

from autonomy.text import citations

RUN, WINDOW = 5, 4
SURE = RUN + WINDOW - 1


def units(text: str) -> list[str]:
    """The words to compare by: of one form for what looks alike, without case, citations and hyphens."""
    return [part for word in citations.words(text) for part in word.split("-")]


def winnowed(words: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The fingerprints of the words, `(hash, position of its first word)`, in order. The same in every process."""
    # CRC-32 is quick, and the same everywhere; that it may be equal for unequal words harms nobody here.
    hashes = [crc32(" ".join(words[at : at + RUN]).encode()) for at in range(len(words) - RUN + 1)]
    last = -1
    for end in range(min(WINDOW, len(hashes)), len(hashes) + 1 if hashes else 0):
        window = hashes[max(0, end - WINDOW) : end]
        at = end - 1 - window[::-1].index(min(window))
        if at != last:
            last = at
            yield hashes[at], at


class Wording:
    """The words of a text, in stretches that no run reaches across, ready to be compared with others."""

    def __init__(self, stretches: Iterable[Sequence[str]]) -> None:
        self._fingerprints: set[int] = set()
        # Where each run of SURE words stands: the number of its stretch, and of its first word there.
        self._places: dict[tuple[str, ...], list[tuple[int, int]]] = {}
        for number, words in enumerate(stretches):
            self._fingerprints.update(found for found, _ in winnowed(words))
            for at in range(len(words) - SURE + 1):
                self._places.setdefault(tuple(words[at : at + SURE]), []).append((number, at))

    def shared_with(self, words: Sequence[str]) -> Iterator[tuple[int, list[tuple[int, int]]]]:
        """Each run of SURE words of `words` that stands here: its position there, and its places `(stretch, word)`.

        A longer shared run comes as the runs of SURE words that it is made of. Linear, however much repeats itself.
        """
        known, done = self._fingerprints, 0
        for found, at in winnowed(words):
            if found not in known:
                continue
            # A shared window with this fingerprint begins at most so many words before it.
            for start in range(max(done, at - WINDOW + 1), min(at, len(words) - SURE) + 1):
                if places := self._places.get(tuple(words[start : start + SURE])):
                    yield start, places
            done = max(done, at + 1)

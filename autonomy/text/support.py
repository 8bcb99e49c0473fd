"""Which passage of a source carries what is said: the one that is quoted, or else the one with most words in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from autonomy.text import citations
from autonomy.text.claims import Claim, stands_in
from autonomy.text.fingerprints import units

# Shorter words are mostly everybody's.
_TELLING = 4
# Of one claim: a sentence has no more.
_QUOTATIONS = 10


@dataclass(frozen=True)
class Support:
    """The passage's id, and which of the claim's quotations stand in it word for word."""

    passage: str
    quotations: tuple[str, ...] = ()


class Passages:
    """The passages of one source that a writer was given, ready to be asked."""

    def __init__(self, passages: Sequence[tuple[str, str]]) -> None:
        """`passages`: ids and texts, the likelier first."""
        self._texts = [(name, citations.folded(text), _telling(text)) for name, text in passages]
        self._having = Counter(word for _, _, words in self._texts for word in words)

    def best_for(self, claim: Claim, among: Sequence[str] = ()) -> Support | None:
        """The passage that supports the claim best; of equals one that is `among` these, then the first.

        A quoted passage comes before any other. None where there is no passage at all.
        """
        said = _telling(claim.sentence)
        asked = claim.quotations[:_QUOTATIONS]
        best: tuple[tuple[int, float, bool], Support] | None = None
        for name, text, words in self._texts:
            quoted = tuple(quote for quote in asked if stands_in(quote, text))
            common = sum(1 / self._having[word] for word in said & words)
            score = (sum(len(quote.split()) for quote in quoted), common, name in among)
            if best is None or score > best[0]:
                best = score, Support(name, quoted)
        return best[1] if best else None


def _telling(text: str) -> frozenset[str]:
    return frozenset(word for word in units(text) if len(word) >= _TELLING)

"""Quotations: closed, verbatim in the source that is cited for them, and marked. Blocks come with folded marks."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable

from autonomy.graph.gates.failure import Failure, short
from autonomy.text import citations, claims, quotations

# An unmarked run of words this long that stands in a source is copying, whatever the intention.
UNMARKED_RUN = 12


def quotations_closed(section: str, blocks: list[str]) -> Iterable[Failure]:
    for block in blocks:
        if rest := quotations.unbalanced(block):
            message = f"At “{short(rest.strip('“” '))}” a quotation is not both opened with “ and closed with ”."
            yield Failure("quotations_closed", section, message)


def quotations_verbatim(section: str, blocks: list[str], texts: dict[str, list[str]]) -> Iterable[Failure]:
    folded = {key: [citations.folded(text) for text in found] for key, found in texts.items()}
    for block in blocks:
        for quotation, keys in attributed(block):
            if not any(claims.stands_in(quotation, text) for key in keys for text in folded.get(key, [])):
                message = f"“{short(quotation)}” does not stand in the source that is cited for it."
                yield Failure("quotations_verbatim", section, message)


def quotation_marked(section: str, blocks: list[str], texts: dict[str, list[str]]) -> Iterable[Failure]:
    known: set[tuple[str, ...]] = set()
    for passage in (passage for found in texts.values() for passage in found):
        known.update(_runs(passage))
    for stretch in (stretch for block in blocks for stretch in quotations.stretches(block)):
        copied = next((run for run in _runs(stretch) if run in known), None)
        if copied:
            message = f"“{short(' '.join(copied))}” is a source's wording and not marked as a quotation."
            yield Failure("quotation_marked", section, message)


def attributed(block: str) -> list[tuple[str, list[str]]]:
    """Each quotation with the keys cited for it.

    Those are the citations of its sentence and one that follows it at once; where there are none, the next citation
    in the paragraph, or else the last one before it.
    """
    quoted = quotations.spans(block)
    cited = [span for span in citations.spans(block) if not any(start < span[0] < end for start, end in quoted)]
    ends = claims.sentence_ends(block, quoted, cited)
    found: list[tuple[str, list[str]]] = []
    for start, end in quoted:
        after = [span for span in cited if span[0] >= end]
        near = [span for span in cited if bisect_right(ends, span[0]) == bisect_right(ends, start)]
        if after and not re.search(r"\w", block[end : after[0][0]]):
            near.append(after[0])
        near = near or after[:1] or [span for span in cited if span[1] <= start][-1:]
        found.append((block[start + 1 : end - 1].strip(), [key for a, b in near for key in citations.keys(block[a:b])]))
    return found


def _runs(text: str) -> Iterable[tuple[str, ...]]:
    words = [part for word in citations.words(text) for part in word.split("-")]
    return (tuple(words[i : i + UNMARKED_RUN]) for i in range(len(words) - UNMARKED_RUN + 1))

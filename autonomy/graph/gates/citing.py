"""Citations: they resolve, they hold no text of their own, and no paragraph goes without."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from autonomy.graph.gates.failure import Failure, short
from autonomy.text import citations

# “see also”, “pp. 3-5, emphasis in the original”: a citation needs no more words than these.
MOST_WORDS = 10


def citations_resolve(section: str, text: str, known: Collection[str]) -> Iterable[Failure]:
    for key in sorted(set(citations.keys(text)) - set(known)):
        yield Failure("citations_resolve", section, f"[@{key}] is not a source of this run.")


def citations_brief(section: str, text: str) -> Iterable[Failure]:
    for remark in citations.remarks(text):
        if len(citations.words(remark)) > MOST_WORDS:
            message = f"“{short(remark)}” stands inside a citation; write it before the bracket."
            yield Failure("citations_brief", section, message)


def section_supported(section: str, blocks: list[str], known: Collection[str]) -> Iterable[Failure]:
    if not blocks:
        yield Failure("section_supported", section, "The section has no text.")
    for number, block in enumerate(blocks, start=1):
        if not any(key in known for key in citations.keys(block)):
            yield Failure("section_supported", section, f"Paragraph {number} cites no source.")

"""The form of a draft: plain paragraphs, about as many words as were planned."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autonomy.graph.gates.failure import Failure
from autonomy.text import prose

# How far the length may be from the plan's.
LEAST, MOST = 0.5, 1.5


def plain_prose(section: str, text: str) -> Iterable[Failure]:
    """What is no prose can hide words from the other gates, or show the reader something else than they saw."""
    for name in prose.beyond(text):
        yield Failure("plain_prose", section, f"The section has {name}; write plain paragraphs only.")


def word_count(draft: dict[str, Any], plan: dict[str, Any]) -> Iterable[Failure]:
    words, wanted = draft["words"], plan["words"]
    if not LEAST * wanted <= words <= MOST * wanted:
        yield Failure("word_count", "", f"The draft has {words} words; the plan asks for about {wanted}.")

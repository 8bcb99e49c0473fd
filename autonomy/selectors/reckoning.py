"""What a run would use, reckoned from its task: the calls that the graph makes, each with a prompt of such a size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from autonomy.graph.nodes.research import PASSAGES_PER_SECTION
from autonomy.graph.prompts import plan, section
from autonomy.ports import ModelRequest
from autonomy.providers import estimate, pricing, prompt
from autonomy.providers.pricing import Price
from autonomy.tools.library import EXCERPT_CHARS

WORD = "words "  # an English word and its gap, as many characters as they have on average
PASSAGE_WORDS = 120
# What a plan has where no headings are asked for: 3 to 5.
SECTIONS = 4
FOUND = 10  # works that a search brings, of an abstract each
ABSTRACT_CHARS = 1200
PLANNED = "x" * 350  # what a plan says of one section


@dataclass(frozen=True)
class Asked:
    """`sections`: headings asked for, 0 where the plan chooses. `sources`: characters of each, as far as known; of a
    file as many as it has bytes, which only matters where there is little. Empty: nothing is known of them.
    """

    words: int
    sections: int
    sources: Sequence[int]
    max_revisions: int
    web_search: bool = False
    model: str | None = None
    topic: str = ""


def reckoning(asked: Asked, price: Price | None, thinking: int) -> dict[str, Any]:
    """`{sections, once: {calls, tokens, usd}, all: {calls, tokens, usd}}`: if the first draft is accepted, and with
    every revision. usd is None without a price. `thinking`: tokens a model may think in each call, counted in full.

    Not in it: drafts that are written again because they fail a gate, attempts that fail, searches.
    """
    calls = [_plan(asked), *[_section(asked)] * _sections(asked)]
    tokens = sum(given + taken + thinking for given, taken in calls)
    usd = sum(pricing.cost(price, given=given, taken=taken + thinking) or Decimal(0) for given, taken in calls)
    times = asked.max_revisions + 1
    return {
        "sections": _sections(asked),
        "once": {"calls": len(calls), "tokens": tokens, "usd": float(usd) if price else None},
        "all": {
            "calls": len(calls) * times,
            "tokens": tokens * times,
            "usd": float(usd * times) if price else None,
        },
    }


def _sections(asked: Asked) -> int:
    return asked.sections or SECTIONS


def _chars(asked: Asked) -> int:
    """Of all sources together; plenty where nothing is known of them."""
    known = sum(asked.sources) + (FOUND * ABSTRACT_CHARS if asked.web_search else 0)
    return known or _sections(asked) * PASSAGES_PER_SECTION * PASSAGE_WORDS * len(WORD)


def _words(asked: Asked) -> int:
    """No more are written than the sources hold."""
    return max(1, min(asked.words, _chars(asked) // len(WORD)))


def _plan(asked: Asked) -> tuple[int, int]:
    sizes = [*(asked.sources or [EXCERPT_CHARS]), *([ABSTRACT_CHARS] * FOUND if asked.web_search else [])]
    excerpts = [{"title": "x" * 60, "excerpt": "x" * min(size, EXCERPT_CHARS)} for size in sizes]
    material = {"topic": asked.topic or "x" * 100, "sections": ["x" * 30] * asked.sections, "sources": excerpts}
    given = prompt.of(ModelRequest("plan", plan.INSTRUCTIONS, material, plan.SCHEMA)).tokens_about()
    return given, _sections(asked) * estimate.about(PLANNED)


def _section(asked: Asked) -> tuple[int, int]:
    there = max(1, _chars(asked) // (PASSAGE_WORDS * len(WORD)))
    passages = min(PASSAGES_PER_SECTION, max(1, there // _sections(asked)))
    one = {"id": "x" * 20, "key": "x" * 20, "title": "x" * 60, "text": WORD * PASSAGE_WORDS}
    material = {
        "topic": asked.topic or "x" * 100,
        "heading": "x" * 40,
        "question": "x" * 80,
        "passages": [one] * passages,
    }
    given = prompt.of(ModelRequest("section", section.INSTRUCTIONS, material, section.SCHEMA)).tokens_about()
    return given, estimate.about(WORD * (_words(asked) // _sections(asked)))

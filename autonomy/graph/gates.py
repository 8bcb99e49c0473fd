"""The critic's gates: what must be true of a draft before it is handed off. Plain functions of draft and sources."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from autonomy.text import citations

# An unmarked run of words this long that stands in a source is copying, whatever the intention.
UNMARKED_RUN = 12
# How far the length may be from the plan's.
LEAST, MOST = 0.5, 1.5


@dataclass(frozen=True)
class Failure:
    """A gate that did not pass: its name, the section it concerns (or ""), and what to mend."""

    gate: str
    section: str
    message: str

    def as_dict(self) -> dict[str, str]:
        return {"gate": self.gate, "section": self.section, "message": self.message}


def check(draft: dict[str, Any], plan: dict[str, Any], sources: list[dict[str, Any]]) -> list[Failure]:
    """Every failure of every gate; an empty list means that the draft may go out."""
    texts = {source["key"]: [passage["text"] for passage in source["passages"]] for source in sources}
    failures: list[Failure] = []
    drafted = {section["id"]: section["markdown"] for section in draft["sections"]}
    for section in plan["sections"]:
        name, text = section["heading"], drafted.get(section["id"], "")
        failures += citations_resolve(name, text, texts)
        failures += section_supported(name, text, texts)
        failures += quotations_verbatim(name, text, texts)
        failures += quotation_marked(name, text, texts)
    failures += word_count(draft, plan)
    return failures


def citations_resolve(section: str, text: str, texts: dict[str, list[str]]) -> Iterable[Failure]:
    for key in sorted(set(citations.keys(text)) - texts.keys()):
        yield Failure("citations_resolve", section, f"[@{key}] is not a source of this run.")


def section_supported(section: str, text: str, texts: dict[str, list[str]]) -> Iterable[Failure]:
    blocks = citations.paragraphs(text)
    if not blocks:
        yield Failure("section_supported", section, "The section has no text.")
    for number, block in enumerate(blocks, start=1):
        if not any(key in texts for key in citations.keys(block)):
            yield Failure("section_supported", section, f"Paragraph {number} cites no source.")


def quotations_verbatim(section: str, text: str, texts: dict[str, list[str]]) -> Iterable[Failure]:
    for block in citations.paragraphs(text):
        cited = [citations.folded(passage) for key in citations.keys(block) for passage in texts.get(key, [])]
        for quote in citations.quotations(block):
            if not any(citations.folded(quote).rstrip(".,;:") in passage for passage in cited):
                yield Failure("quotations_verbatim", section, f"“{_short(quote)}” does not stand in a cited source.")


def quotation_marked(section: str, text: str, texts: dict[str, list[str]]) -> Iterable[Failure]:
    known: set[tuple[str, ...]] = set()
    for passages in texts.values():
        for passage in passages:
            known.update(_runs(citations.words(passage)))
    for block in citations.paragraphs(text):
        for stretch in citations.without_quotations(block).split("\x00"):
            copied = [run for run in _runs(citations.words(stretch)) if run in known]
            if copied:
                yield Failure(
                    "quotation_marked", section, f"“{_short(' '.join(copied[0]))}” is a source's wording, not marked."
                )


def word_count(draft: dict[str, Any], plan: dict[str, Any]) -> Iterable[Failure]:
    words, wanted = draft["words"], plan["words"]
    if not LEAST * wanted <= words <= MOST * wanted:
        yield Failure("word_count", "", f"The draft has {words} words; the plan asks for about {wanted}.")


def _runs(words: list[str]) -> Iterable[tuple[str, ...]]:
    return (tuple(words[i : i + UNMARKED_RUN]) for i in range(len(words) - UNMARKED_RUN + 1))


def _short(text: str, limit: int = 80) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"

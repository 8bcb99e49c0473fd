"""The critic's gates: what must be true of a draft before it is handed off. Plain functions of draft and sources."""

from __future__ import annotations

from typing import Any

from autonomy.graph.gates.citing import citations_brief, citations_resolve, section_supported
from autonomy.graph.gates.failure import Failure
from autonomy.graph.gates.form import plain_prose, word_count
from autonomy.graph.gates.quoting import quotation_marked, quotations_closed, quotations_verbatim
from autonomy.text import prose, quotations

__all__ = ["Failure", "check"]


def check(draft: dict[str, Any], plan: dict[str, Any], sources: list[dict[str, Any]]) -> list[Failure]:
    """Every failure of every gate; an empty list means that the draft may go out."""
    texts = {source["key"]: [passage["text"] for passage in source["passages"]] for source in sources}
    # A source's own title may be quoted as well.
    quotable = {source["key"]: [*texts[source["key"]], source.get("title", "")] for source in sources}
    failures: list[Failure] = []
    drafted = {section["id"]: section["markdown"] for section in draft["sections"]}
    for section in plan["sections"]:
        name, text = section["heading"], drafted.get(section["id"], "")
        blocks = [quotations.folded(block) for block in prose.paragraphs(text)]
        failures += plain_prose(name, text)
        failures += citations_resolve(name, text, texts)
        failures += citations_brief(name, text)
        failures += section_supported(name, blocks, texts)
        failures += quotations_closed(name, blocks)
        failures += quotations_verbatim(name, blocks, quotable)
        failures += quotation_marked(name, blocks, texts)
    failures += word_count(draft, plan)
    return failures

from __future__ import annotations

from collections import Counter
from typing import Any

from langgraph.runtime import Runtime

from autonomy.errors import NoUsableSource, ProviderUnavailable
from autonomy.graph.searching import go_on_without, look_for
from autonomy.graph.state import GraphState
from autonomy.ports import NodeContext, Passage

PASSAGES_PER_QUERY = 20
PASSAGES_PER_SECTION = 8
PASSAGES_PER_SOURCE = 3
# A section with fewer passages is looked after in the search services, with its first queries.
ENOUGH_PASSAGES = 3
QUERIES_PER_SECTION = 2
WORKS_PER_QUERY = 5


def research(state: GraphState, runtime: Runtime[NodeContext]) -> dict[str, Any]:
    """Find the passages each section rests on. A section nothing speaks to is dropped, and said so."""
    context, plan = runtime.context, state["plan"]
    found = {section["id"]: _find(context, section) for section in plan["sections"]}
    sources: list[dict[str, Any]] = state["sources"]
    failures: list[ProviderUnavailable] = []
    if state["task"].get("web_search"):
        searched, failures = _look_further(state, context, found)
        if searched:
            return {"searched": [*state.get("searched", []), *searched], "route": "research"}
        sources = _with_those_found(sources, context)
    chosen = _share_out(found)
    kept = []
    for section in plan["sections"]:
        passages = chosen[section["id"]]
        if passages:
            kept.append({**section, "passages": [passage.id for passage in passages]})
        else:
            told_elsewhere = bool(found[section["id"]])
            why = "other sections tell what the sources hold on it" if told_elsewhere else "no passage speaks to it"
            context.episodes.note(
                "section_dropped",
                f"The section “{section['heading']}” is left out: {why}.",
                heading=section["heading"],
                queries=section["queries"],
            )
    if not kept:
        if failures:
            raise failures[0]
        raise NoUsableSource(
            "The sources hold nothing on this topic. Start a new run with sources that speak to it.",
            topic=state["task"]["topic"],
        )
    by_key: dict[str, list[dict[str, str]]] = {}
    for passages in chosen.values():
        for passage in passages:
            by_key.setdefault(passage.key, []).append({"id": passage.id, "text": passage.text})
    available = sum(len(passage.text.split()) for passages in chosen.values() for passage in passages)
    words = min(plan["words"], available)
    if words < plan["words"]:
        context.episodes.note(
            "progress",
            f"The passages found have {available} words in all; the draft is planned no longer than that.",
            asked=plan["words"],
            planned=words,
        )
    context.episodes.note(
        "researched",
        f"{sum(map(len, chosen.values()))} passages from {len(by_key)} sources support {len(kept)} sections.",
        sections={section["heading"]: len(section["passages"]) for section in kept},
    )
    return {
        "plan": {**plan, "sections": kept, "words": words},
        "sources": [{**source, "passages": by_key.get(source["key"], [])} for source in sources],
        "route": "draft",
    }


def _look_further(
    state: GraphState, context: NodeContext, found: dict[str, list[Passage]]
) -> tuple[list[str], list[ProviderUnavailable]]:
    """Look for works for the sections that have too few passages. Returns the queries that were put, each a new one;
    and why others could not be."""
    known, put, failures = set(state.get("searched", [])), [], []
    for section in state["plan"]["sections"]:
        if len(found[section["id"]]) >= ENOUGH_PASSAGES:
            continue
        for query in section["queries"][:QUERIES_PER_SECTION]:
            if query in known:
                continue
            known.add(query)
            try:
                new = look_for(context, query, WORKS_PER_QUERY)
            except ProviderUnavailable as failure:
                go_on_without(context, query, failure)
                failures.append(failure)
                continue
            put.append(query)
            if new:
                break
    return put, failures


def _with_those_found(sources: list[dict[str, Any]], context: NodeContext) -> list[dict[str, Any]]:
    """The plan's sources, and after them those that were found for its sections."""
    planned = {source["key"] for source in sources}
    notes = [note for note in context.library.read() if not note.skipped and note.key not in planned]
    return [*sources, *({"key": note.key, "title": note.title, "csl": note.csl, "passages": []} for note in notes)]


def _find(context: NodeContext, section: dict[str, Any]) -> list[Passage]:
    best: dict[str, Passage] = {}
    for query in section["queries"]:
        for passage in context.library.search(query, PASSAGES_PER_QUERY):
            if passage.id not in best or passage.score > best[passage.id].score:
                best[passage.id] = passage
    return sorted(best.values(), key=lambda passage: (-passage.score, passage.id))


def _share_out(found: dict[str, list[Passage]]) -> dict[str, list[Passage]]:
    """Give each passage to one section, in turns, best first: no two sections tell the same thing.

    A source fills no section alone while others have something to say on it.
    """
    chosen: dict[str, list[Passage]] = {section: [] for section in found}
    taken: set[str] = set()
    for _ in range(PASSAGES_PER_SECTION):
        for section, passages in found.items():
            free = [passage for passage in passages if passage.id not in taken]
            given = Counter(passage.key for passage in chosen[section])
            spread = (passage for passage in free if given[passage.key] < PASSAGES_PER_SOURCE)
            if best := next(spread, None) or next(iter(free), None):
                chosen[section].append(best)
                taken.add(best.id)
    return chosen

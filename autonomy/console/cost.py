"""What a run will probably cost, as the start page says it: in a sentence, a small table, and what limits it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings

from autonomy.console import figures
from autonomy.console.journey_schema import UNKNOWN, shapes
from autonomy.console.start_form import LIMITS, StartForm
from autonomy.journeys.journey import Journey
from autonomy.selectors.estimate import Asked, estimate
from autonomy.services.start_run import default_limits

NAMES = {"tokens": "Tokens", "seconds": "Execution", "usd": "Money"}
MEASURES = {"tokens": "tokens", "seconds": "seconds", "usd": "US dollars"}


def cost(form: StartForm, sizes: Sequence[int]) -> dict[str, Any]:
    """`{lead, heads, rows, notes, warnings, limits}` for console/start/cost.html, from what is right in the form.

    `sizes` are the characters or bytes of each source given so far.
    """
    said = form.so_far()
    asked = _asked(form.chosen, said, sizes)
    limits = _limits(form.chosen, said)
    found = estimate(form.chosen, asked)
    told = _of_past(form.chosen, found) if found["past"] else _of_reckoning(found, asked)
    bounds = [f"{limits['tokens']:,.0f} tokens", f"{_written('seconds', limits['seconds'])} of execution"]
    return {
        **told,
        "warnings": _above(found["past"], limits) if found["past"] else _reckoned_above(found["reckoning"], limits),
        "limits": ", ".join([*bounds, _written("usd", limits["usd"])]),
    }


def _asked(journey: Journey, said: dict[str, Any], sizes: Sequence[int]) -> Asked:
    headings = [line for line in said.get("headings", "").splitlines() if line.strip()]
    revisions = _default(journey, "max_revisions")
    usual = settings.ENV.autonomy_max_revisions if revisions is None else revisions
    words, most = said.get("words"), said.get("max_revisions")
    return Asked(
        words=_default(journey, "words") or 1 if words is None else max(1, min(words, 1_000_000)),
        sections=min(len(headings), 20),
        sources=list(sizes),
        max_revisions=usual if most is None else max(0, min(most, 20)),
        web_search=bool(said.get("web_search")),
        model=said.get("model") or None,
        topic=str(said.get("topic") or "")[:1000],
    )


def _default(journey: Journey, name: str) -> int | None:
    shape = shapes(journey.task_spec).get(name)
    return shape.default if shape and shape.default is not UNKNOWN and isinstance(shape.default, int) else None


def _limits(journey: Journey, said: dict[str, Any]) -> dict[str, float]:
    defaults = default_limits(journey)
    given = {name: said.get(f"limit_{name}") for name in LIMITS}
    return {name: float(defaults[name] if given[name] is None else given[name] or 0) for name in LIMITS}


def _of_past(journey: Journey, found: dict[str, Any]) -> dict[str, Any]:
    past, words = found["past"], found["words"]
    runs = f"the last {past['runs']} runs of the journey {journey.title} with the same language model"
    if past["scaled"]:
        lead = f"Of {runs}, in proportion to {words:,} words:"
        notes = ["They were of other lengths, so this is rougher than usual."]
    else:
        lead = f"Of {runs} and about this length:"
        notes = []
    free = found["model"]["free"]
    told = [name for name in LIMITS if past[name] is not None and not (name == "usd" and free)]
    rows = [(NAMES[name], *(_written(name, past[name][share]) for share in ("half", "most"))) for name in told]
    notes += _of_price(found["model"], unknown=past["usd"] is None)
    if past["cut_short"]:
        were = "run was" if past["cut_short"] == 1 else "runs were"
        notes.append(
            f"{past['cut_short']} more {were} ended by a limit and {'is' if were == 'run was' else 'are'} not counted."
        )
    return {
        "lead": lead,
        "heads": ["Half used at most", "Nine in ten at most"],
        "rows": rows,
        "notes": notes,
    }


def _of_reckoning(found: dict[str, Any], asked: Asked) -> dict[str, Any]:
    if (reckoned := found["reckoning"]) is None:
        told = "Nothing can be said yet: this journey takes a way of its own, and too few of its runs have ended."
        return {"lead": told, "heads": [], "rows": [], "notes": []}
    model = found["model"]
    lead = (
        f"A reckoning, since too few runs like this have ended: {asked.words:,} words in {reckoned['sections']} "
        f"sections, written by {model['name']} ({model['model']})."
    )
    pair = [reckoned["once"], reckoned["all"]]
    rows = [
        ("Calls", *(f"{one['calls']:,}" for one in pair)),
        ("Tokens", *(f"about {_rounded(one['tokens']):,}" for one in pair)),
    ]
    if model["known_price"] and not model["free"]:
        rows.append(("Money", *(f"about {_written('usd', one['usd'])}" for one in pair)))
    notes = [*_of_price(model, unknown=not model["known_price"])]
    beside = "Drafts that are written again because they fail a check are not in it"
    notes.append(f"{beside}, nor what a search costs." if asked.web_search else f"{beside}.")
    if not asked.sources and not asked.web_search:
        notes.append("No source is given yet; it is reckoned with plenty.")
    revisions = asked.max_revisions
    heads = ["First draft accepted", f"With {'the revision' if revisions == 1 else f'all {revisions} revisions'}"]
    if not revisions:
        heads, rows = heads[:1], [row[:2] for row in rows]
    return {"lead": lead, "heads": heads, "rows": rows, "notes": notes}


def _of_price(model: dict[str, Any], *, unknown: bool) -> list[str]:
    if model["free"]:
        return [f"The model {model['name']} costs nothing."]
    return [f"What {model['name']} ({model['model']}) costs is not known here, so no money is told."] if unknown else []


def _above(used: dict[str, Any], limits: dict[str, float]) -> list[str]:
    told = []
    for name in LIMITS:
        if used[name] is not None and used[name]["most"] > limits[name]:
            share = "Half of these runs" if used[name]["half"] > limits[name] else "More than one in ten of these runs"
            told.append(f"{share} used more than the limit of {MEASURES[name]}, at which this one would end.")
    return told


def _reckoned_above(reckoned: dict[str, Any] | None, limits: dict[str, float]) -> list[str]:
    crossed = [
        MEASURES[name]
        for name in ("tokens", "usd")
        if reckoned and reckoned["all"][name] is not None and reckoned["all"][name] > limits[name]
    ]
    return [f"With every revision it may reach the limit of {name}, and ends there." for name in crossed]


def _written(name: str, value: float) -> str:
    if name == "tokens":
        return f"{_rounded(value):,}"
    return figures.duration(value) if name == "seconds" else figures.usd(value)


def _rounded(value: float) -> int:
    """To two digits above a thousand: more would pretend to know."""
    digits = len(str(round(value)))
    return round(value) if digits <= 3 else int(round(value, 2 - digits))

"""A difference in a line for each of its parts, with where on the page the part stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from autonomy.console import state_words
from autonomy.console.nodes import PHRASES
from autonomy.console.state_words import number


@dataclass(frozen=True)
class Line:
    channel: str
    title: str
    told: str

    @property
    def anchor(self) -> str:
        return f"diff-{self.channel}"


def summary(changes: dict[str, Any]) -> list[Line]:
    return [Line(name, _TITLES[name], _TOLD[name](part)) for name, part in changes.items()]


def _route(part: dict[str, Any]) -> str:
    names = (PHRASES.get(part[side], part[side]) or "nothing" for side in ("from", "to"))
    return " → ".join(names)


def _values(part: dict[str, Any]) -> str:
    return " → ".join("–" if part[side] is None else str(part[side]) for side in ("from", "to"))


def _rows(part: list[dict[str, Any]]) -> str:
    return f"{number(len(part), 'field')} changed: {', '.join(state_words.field(row['name']) for row in part)}"


def _sections(sections: list[dict[str, Any]]) -> list[str]:
    counts = Counter(one["change"] for one in sections)
    changes = ("added", "removed", "changed", "moved")
    return [f"{number(counts[change], 'section')} {change}" for change in changes if counts[change]]


def _plan(part: dict[str, Any]) -> str:
    told = _sections(part["sections"]) + [f"another {name}" for name in ("title", "words") if part[name]]
    return ", ".join(told).replace("another words", "another length")


def _sources(part: dict[str, Any]) -> str:
    told = [f"{number(len(part[change]), 'source')} {change}" for change in ("added", "removed") if part[change]]
    others = [one for one in part["changed"] if one["fields"] or one["passages"]["added"] or one["passages"]["removed"]]
    if others:
        told.append(f"{number(len(others), 'source')} with other passages or data")
    if reordered := len(part["changed"]) - len(others):
        told.append(f"passages of {number(reordered, 'source')} in another order")
    return ", ".join(told + (["another order"] if part["reordered"] else []))


def _searched(part: dict[str, Any]) -> str:
    told = [
        f"{number(len(part[change]), 'query', 'queries')} {change}" for change in ("added", "removed") if part[change]
    ]
    return ", ".join(told)


def _draft(part: dict[str, Any]) -> str:
    told = _sections(part["sections"])
    if part["added"] or part["removed"]:
        told.append(f"+{part['added']:,} −{part['removed']:,} words")
    told += ["other writers"] if part["writers"] else []
    if (coming := part["under_way"]) and coming["to"] is not None:
        told.append(f"{number(coming['to'], 'section')} of the next draft written")
    return ", ".join(told) or "the draft under way is whole"


def _observation(part: dict[str, Any]) -> str:
    return " → ".join(state_words.observation(part[side]) for side in ("from", "to"))


def _verdict(part: dict[str, Any]) -> str:
    told = " → ".join(dict.fromkeys(state_words.verdict(part[side]) for side in ("from", "to")))
    more = [("another note", part["note"]), ("other figures of the preflight", part["preflight"])]
    return "; ".join([told, *(words for words, found in more if found)])


def _other(part: list[dict[str, Any]]) -> str:
    return ", ".join(one["channel"] for one in part)


_TITLES = {
    "route": "Next node",
    "revision": "Revision",
    "task": "Task",
    "plan": "Plan",
    "sources": "Sources",
    "searched": "Queries put",
    "draft": "Draft",
    "budgets": "Limits",
    "last_observation": "What came last",
    "last_verdict": "Verdict",
    "other": "Other",
}
_TOLD: dict[str, Callable[[Any], str]] = {
    "route": _route,
    "revision": _values,
    "task": _rows,
    "plan": _plan,
    "sources": _sources,
    "searched": _searched,
    "draft": _draft,
    "budgets": _rows,
    "last_observation": _observation,
    "last_verdict": _verdict,
    "other": _other,
}

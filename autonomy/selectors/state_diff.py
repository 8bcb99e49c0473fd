"""What two graph states differ in, in a form that people can read and JSON can hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from autonomy.selectors.state_fields import row, rows
from autonomy.selectors.state_parts import entries, table, text, texts
from autonomy.selectors.state_sections import draft_diff, plan_diff
from autonomy.text import json_diff

State = dict[str, Any]
# Whose state it is, and not what is in it: a fork has its own.
_IDENTITY = ("run_id", "user_id", "journey")
_EMPTY: tuple[Any, ...] = (None, {}, [])


def state_diff(before: State, after: State) -> dict[str, Any]:
    """By channel, for each that differs; the keys stand in this order, and none is there for nothing.

    `route`, `revision`: `{from, to}`. `task`, `budgets`: rows (state_fields.py). `plan`, `draft`: state_sections.py.
    `sources`: `{added, removed: [{key, title}], changed: [{key, title, fields, passages}], unchanged, reordered}`, the
    passages of a source by their numbers, `{from, to, added, removed, reordered}`. `searched`: `{added, removed}`,
    lists of queries. `last_observation`: `{from, to}`, each as the state has it. `last_verdict`: `{from, to, note,
    failures: {added, removed, kept}, preflight}`. `other`: `[{channel, lines}]`, channels that are
    not ours, or of another form than ours (json_diff.py).
    """
    told: dict[str, Any] = {}
    other: list[dict[str, Any]] = []
    names = [*_DIFFERS, *sorted((before.keys() | after.keys()) - _DIFFERS.keys() - {*_IDENTITY})]
    for name in names:
        old, new = before.get(name), after.get(name)
        # What a node has not written yet is as good as empty: a fork begins with both.
        if old == new or (old in _EMPTY and new in _EMPTY):
            continue
        found = _DIFFERS[name](before, after) if name in _DIFFERS and _ours(name, old, new) else None
        if found:
            told[name] = found
        else:
            other.append({"channel": name, "lines": json_diff.compared(old, new)})
    return told | ({"other": other} if other else {})


def _ours(name: str, *values: Any) -> bool:
    """Whether the values are of the form that the built-in nodes give them."""
    form = list if name in ("sources", "searched") else str if name == "route" else int if name == "revision" else dict
    return all(value is None or isinstance(value, form) for value in values)


def _from_to(name: str) -> Callable[[State, State], dict[str, Any]]:
    return lambda before, after: {"from": before.get(name), "to": after.get(name)}


def _rows(name: str) -> Callable[[State, State], list[dict[str, Any]]]:
    return lambda before, after: rows(table(before.get(name)), table(after.get(name)))


def _plan(before: State, after: State) -> dict[str, Any] | None:
    return plan_diff(table(before.get("plan")), table(after.get("plan")))


def _draft(before: State, after: State) -> dict[str, Any] | None:
    drafts, plans = ([table(state.get(name)) for state in (before, after)] for name in ("draft", "plan"))
    return draft_diff(*drafts, *plans)


def _sources(before: State, after: State) -> dict[str, Any] | None:
    old, new = ({text(one.get("key")): one for one in entries(state.get("sources"))} for state in (before, after))
    changed = [found for key in new if key in old and (found := _source(old[key], new[key]))]
    added = [_named(new[key]) for key in new if key not in old]
    removed = [_named(old[key]) for key in old if key not in new]
    reordered = [key for key in old if key in new] != [key for key in new if key in old]
    if not (added or removed or changed or reordered):
        return None
    unchanged = len(new) - len(added) - len(changed)
    told = {"added": added, "removed": removed, "changed": changed, "unchanged": unchanged}
    return told | {"reordered": reordered}


def _named(source: dict[str, Any]) -> dict[str, str]:
    return {"key": text(source.get("key")), "title": text(source.get("title"))}


def _source(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any] | None:
    fields = [found for name in ("title", "csl") if (found := row(name, before.get(name), after.get(name)))]
    old, new = ([text(one.get("id")) for one in entries(source.get("passages"))] for source in (before, after))
    had, has = set(old), set(new)
    passages = {
        "from": len(old),
        "to": len(new),
        "added": len(has - had),
        "removed": len(had - has),
        "reordered": [one for one in old if one in has] != [one for one in new if one in had],
    }
    return {**_named(after), "fields": fields, "passages": passages} if fields or old != new else None


def _searched(before: State, after: State) -> dict[str, Any] | None:
    old, new = (Counter(texts(state.get("searched"))) for state in (before, after))
    found = {"added": list((new - old).elements()), "removed": list((old - new).elements())}
    return found if any(found.values()) else None


def _verdict(before: State, after: State) -> dict[str, Any] | None:
    old, new = (table(state.get("last_verdict")) for state in (before, after))
    had, has = (Counter(_failure(one) for one in entries(verdict.get("failures"))) for verdict in (old, new))
    note = row("note", old.get("note") or None, new.get("note") or None)
    measured = {name: _measured(old, new, name) for name in ("overlap", "quoted", "matches")}
    if had == has and _judged(old) == _judged(new) and not (note or any(measured.values())):
        return None
    return {
        "from": _judged(old),
        "to": _judged(new),
        "note": note,
        "failures": {
            "added": [_failed(one) for one in (has - had).elements()],
            "removed": [_failed(one) for one in (had - has).elements()],
            "kept": (had & has).total(),
        },
        "preflight": measured if any(measured.values()) else None,
    }


def _judged(verdict: dict[str, Any]) -> dict[str, Any] | None:
    if not verdict:
        return None
    names = ("accepted", "outcome", "redrafts")
    return {**{name: verdict.get(name) for name in names}, "failures": len(entries(verdict.get("failures")))}


def _failure(failure: dict[str, Any]) -> tuple[str, str, str]:
    gate, section, message = (text(failure.get(name)) for name in ("gate", "section", "message"))
    return gate, section, message


def _failed(failure: tuple[str, str, str]) -> dict[str, str]:
    return dict(zip(("gate", "section", "message"), failure, strict=True))


def _measured(before: dict[str, Any], after: dict[str, Any], name: str) -> dict[str, Any] | None:
    """A figure of the preflight in both verdicts; of the matches, their number."""
    values = [table(verdict.get("preflight")).get(name) for verdict in (before, after)]
    old, new = (len(value) if isinstance(value, list) else value for value in values)
    return None if values[0] == values[1] else {"from": old, "to": new}


_DIFFERS: dict[str, Callable[[State, State], Any]] = {
    "route": _from_to("route"),
    "revision": _from_to("revision"),
    "task": _rows("task"),
    "plan": _plan,
    "sources": _sources,
    "searched": _searched,
    "draft": _draft,
    "budgets": _rows("budgets"),
    "last_observation": _from_to("last_observation"),
    "last_verdict": _verdict,
}

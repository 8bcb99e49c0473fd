"""Faults in words, for a person: `429:2, 429, 500*3, timeout, quota*`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass

from autonomy.demo.stage import faults
from autonomy.demo.stage.faults import Fault

ENTRY = re.compile(r"(?P<name>[a-z0-9-]+)(?::(?P<number>\d+(?:\.\d+)?))?(?P<star>\*(?P<count>\d+)?)?")
MOST = 1000

Number = float | None
# What each takes as its number; those without take none.
WORDS: dict[str, tuple[str, Callable[[Number], Fault]]] = {
    "ok": ("", lambda number: faults.right()),
    "429": ("seconds in Retry-After", faults.too_many),
    "429-date": ("seconds, told as a date", lambda number: faults.too_many(number, told="date")),
    "429-ms": ("milliseconds", lambda number: faults.too_many(None if number is None else number / 1000, told="ms")),
    "429-body": ("seconds, told in the body only", lambda number: faults.too_many(number, told="body")),
    "quota": ("a status", lambda number: faults.quota(None if number is None else int(number))),
    "key": ("", lambda number: faults.bad_key()),
    "overflow": ("", lambda number: faults.overflow()),
    "echo": ("a status", lambda number: faults.echo(500 if number is None else int(number))),
    "timeout": ("seconds until the answer comes after all", faults.timeout),
    "drip": ("", lambda number: faults.drip()),
    "drip-headers": ("", lambda number: faults.drip("headers")),
    "reset": ("", lambda number: faults.reset()),
    "truncated": ("", lambda number: faults.truncated()),
    "garbage": ("", lambda number: faults.garbage()),
    "prose": ("", lambda number: faults.prose()),
    "misfit": ("", lambda number: faults.misfit()),
    "cut": ("", lambda number: faults.cut()),
    "no-usage": ("", lambda number: faults.no_usage()),
    "false-usage": ("", lambda number: faults.false_usage()),
}
STATUS = re.compile("[45][0-9][0-9]")


class ScriptError(ValueError):
    """A script cannot be understood; the message says where and how to mend it."""


@dataclass(frozen=True)
class Script:
    """What is answered in turn, and what afterwards; None: right answers."""

    faults: tuple[Fault, ...]
    afterwards: Fault | None


def parse(text: str) -> Script:
    """Entries separated by commas or blanks: a name, `:` and its number, `*` and how often; `*` alone: for ever.

    A name is a status or one of WORDS. Raises ScriptError.
    """
    entries = [entry for entry in re.split(r"[,\s]+", text) if entry]
    found: list[Fault] = []
    afterwards: Fault | None = None
    for place, entry in enumerate(entries):
        match = ENTRY.fullmatch(entry)
        if match is None:
            raise ScriptError(f"“{entry}” is not of the form name, name:number or name*count, as in 429:2 or 500*3.")
        fault = _fault(entry, match["name"], None if match["number"] is None else float(match["number"]))
        if match["count"] is not None:
            if not 1 <= int(match["count"]) <= MOST:
                raise ScriptError(f"“{entry}”: the count must be from 1 to {MOST}; * alone is for ever.")
            found += [fault] * int(match["count"])
        elif match["star"]:
            if place != len(entries) - 1:
                raise ScriptError(
                    f"Nothing is played after “{entry}”, which is for ever: put it last, or say how often."
                )
            afterwards = fault
        else:
            found.append(fault)
    return Script(tuple(found), afterwards)


def _fault(entry: str, name: str, number: Number) -> Fault:
    if name in WORDS:
        takes, make = WORDS[name]
        if number is not None and not takes:
            raise ScriptError(f"“{entry}”: {name} takes no number.")
        if takes == "a status" and number is not None and not _is_status(number):
            raise ScriptError(f"“{entry}”: the number is an HTTP status, from 200 to 599.")
        return make(number)
    if STATUS.fullmatch(name):
        # A Retry-After may come with any of them.
        return faults.too_many(number, code=int(name))
    close = difflib.get_close_matches(name, WORDS, n=1)
    hint = f"Did you mean {close[0]}?" if close else f"There are the statuses from 400 to 599, and {', '.join(WORDS)}."
    raise ScriptError(f"“{name}” is no fault. {hint}")


def _is_status(number: float) -> bool:
    return number == int(number) and 200 <= number <= 599

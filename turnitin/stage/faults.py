"""What goes wrong with the next calls of an operation."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Iterable
from http import HTTPStatus

from autonomy.demo.stage.reply import Reply
from turnitin.stage.refusal import Refusal

# A status; a whole answer; or one of WORDS.
Fault = int | Reply | str
WORDS = {
    "ok": "the right answer",
    "reset": "the connection is broken off before anything is done",
    "timeout": "nothing is done, and nothing answered until the stage closes",
    "drop": "it is done, and the connection is broken off instead of an answer",
    "garbage": "a page of HTML instead of JSON, with status 200; nothing is done",
}
GARBAGE = "<!doctype html><html><title>Sample</title><p>We will be back soon.</p></html>"


class Faults:
    """The faults to come, first in first out, for each of these operations, as `PUT /submissions/{id}/original`.

    What stands in the braces does not matter. Not safe for threads: used under the tenant's lock.
    """

    def __init__(self, operations: Iterable[str]) -> None:
        self._known = {_form(operation): operation for operation in operations}
        self._coming: defaultdict[str, deque[Fault]] = defaultdict(deque)

    def add(self, operation: str, faults: Iterable[Fault]) -> None:
        """Raises ValueError for an operation or a word that does not exist."""
        coming = list(faults)
        known = self._known.get(_form(operation))
        if known is None:
            raise ValueError(f"“{operation}” is no operation; there are {', '.join(self._known.values())}.")
        for fault in coming:
            if not (fault in WORDS if isinstance(fault, str) else isinstance(fault, Reply) or 200 <= fault <= 599):
                raise ValueError(f"“{fault}” is no fault; give a status, a Reply or one of {', '.join(WORDS)}.")
        self._coming[known] += coming

    def take(self, operation: str) -> Fault:
        coming = self._coming[operation]
        return coming.popleft() if coming else "ok"


def reply(fault: int | Reply) -> Reply:
    """What a fault answers that is no word."""
    if isinstance(fault, Reply):
        return fault
    try:
        phrase = HTTPStatus(fault).phrase
    except ValueError:
        phrase = "Unassigned"
    return Refusal(fault, f"{phrase} (as the stage was told).").reply


def _form(operation: str) -> str:
    return re.sub(r"\{\w*\}", "{}", operation.strip())

"""What a played language model writes, before a vendor wraps it up."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

CHARS_PER_TOKEN = 4
MOST_TOKENS = 4096  # where the request names no maximum

Writes = Callable[[dict[str, Any], int], dict[str, Any]]


@dataclass(frozen=True)
class Asked:
    """A request for text: every text that was sent, those of the user, and the most tokens the answer may have."""

    model: str
    texts: list[str]
    of_user: list[str]
    most: int


@dataclass(frozen=True)
class Completion:
    """`usage` is tokens in and out, or None where the vendor is to report none. `cut`: the maximum was reached."""

    text: str
    model: str
    most: int
    usage: tuple[int, int] | None
    cut: bool = False

    def saying(self, text: str) -> Completion:
        """With another text, and the usage that goes with it."""
        tokens_in = self.usage[0] if self.usage else 0
        return dataclasses.replace(self, text=text, usage=(tokens_in, min(tokens(text), self.most)))


Bend = Callable[[Completion], Completion]


def straight(completion: Completion) -> Completion:
    return completion


def complete(asked: Asked, writes: Writes) -> Completion:
    """The right answer. Like a real model's it ends at the maximum, whether or not it is finished.

    Raises ValueError when the material is not one that can be answered.
    """
    text = json.dumps(writes(_material(asked), asked.most), ensure_ascii=False)
    whole = Completion(text, asked.model, asked.most, (sum(map(tokens, asked.texts)), tokens(text)))
    if tokens(text) <= asked.most:
        return whole
    return dataclasses.replace(whole.saying(text[: asked.most * CHARS_PER_TOKEN]), cut=True)


def tokens(text: str) -> int:
    return math.ceil(len(text) / CHARS_PER_TOKEN)


def _material(asked: Asked) -> dict[str, Any]:
    """The first of the user's messages that is a JSON object: what follows may ask for a repair."""
    for text in asked.of_user:
        try:
            material = json.loads(text)
        except ValueError:
            continue
        if isinstance(material, dict):
            return material
    raise ValueError("None of the user's messages is a JSON object: the stage writes from the material of a request.")

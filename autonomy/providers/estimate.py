"""How many tokens a text is, without the vendor's tokenizer.

Before a call its worst case is reserved from the run's budget: what is reserved too little may be spent above the
limit, what is reserved too much is given back after the call. So the estimate errs upwards, whatever the vendor. Their
tokenizers give an English word a token or two, never cut below a byte, and join white space. For prose it is about
twice the true count.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

PER_MESSAGE = 10  # what vendors put around each message, with some to spare
WIDEST_GAP = 16  # white space that every current tokenizer has as one token
CHARS_PER_TOKEN = 4

_LETTERS = re.compile(r"[A-Za-z]+")
# A single space before a word is part of the word's token; before a digit or a sign it may be one of its own.
_GAP = re.compile(r"(?<!\s) (?=[A-Za-z])|([ \t\r\n\f\v]+)")


def at_most(text: str) -> int:
    """Tokens, estimated upwards.

    A run of ASCII letters is half as many tokens, any other character as many as it has bytes. A gap is a token for
    every 16 characters, but a single space before a letter is none.
    """
    words = sum((len(run) + 1) // 2 for run in _LETTERS.findall(text))
    gaps = sum(-(-len(run) // WIDEST_GAP) for run in _GAP.findall(text))
    others = _GAP.sub("", _LETTERS.sub("", text))
    return words + gaps + len(others.encode("utf-8", "surrogatepass"))


def of_messages(messages: Iterable[str]) -> int:
    """Tokens of a prompt of these messages, estimated upwards."""
    return sum(at_most(message) + PER_MESSAGE for message in messages)


def about(text: str) -> int:
    """Tokens, about as many as there are: to tell a window that is surely too small, not to reserve by."""
    return len(text) // CHARS_PER_TOKEN

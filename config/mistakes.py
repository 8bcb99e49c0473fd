"""What is wrong with settings, in sentences that repeat no value: any of them may be a secret in the wrong place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

LONGEST_FILE = 2**20
# Keys of services are longer, or have digits.
_NAME = re.compile(r"[^\W_][\w .:/-]{0,19}|[a-z_]{1,40}")


def found_in(error: ValidationError) -> Iterator[tuple[str, str]]:
    """What pydantic found, without the values: where, and what."""
    for one in error.errors(include_input=False):
        yield ".".join(map(shown, one["loc"])), one["msg"].removeprefix("Value error, ")


def sentences(error: ValidationError) -> Iterator[str]:
    for where, what in found_in(error):
        yield f"{where}: {what}." if where else f"{what}."


def shown(name: object) -> str:
    """A name that somebody chose, to say which one is meant; what may be a key is not repeated."""
    text = str(name)
    return text if _NAME.fullmatch(text) else "(not a name)"


def text_of(file: Path) -> str:
    """What a file named in the settings holds, without white space around it. Raises ValueError with a sentence."""
    try:
        with file.open("rb") as opened:
            held = opened.read(LONGEST_FILE + 1)
        if len(held) > LONGEST_FILE:
            raise ValueError("cannot read it (it is too large)")
        return held.decode().strip()
    except OSError as error:
        raise ValueError(f"cannot read it ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ValueError("cannot read it (it is not UTF-8 text)") from None

"""A name that somebody else gave, in a sentence of ours."""

from __future__ import annotations

import re
import unicodedata

_MARKS = re.compile('["“”„‟«»‹›「」『』〝〞〟❝❞＂⹂]')


def quoted_name(name: str, limit: int = 100) -> str:
    """The name in “ ”, on one line and of at most `limit` letters, with nothing in it that could end the marks."""
    visible = "".join(" " if unicodedata.category(letter)[0] in "CZ" else letter for letter in name[: 10 * limit])
    line = " ".join(_MARKS.sub("'", visible).split())
    return f"“{line if len(line) <= limit else line[: limit - 1].rstrip() + '…'}”"

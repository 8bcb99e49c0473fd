"""Reading a draft: its citations (pandoc's `[@key]`, `[see @a, p. 3; -@b]`), quotations and words.

This is the one place that says what a citation is: the gates, the hand-off and the documents all ask here.
"""

from __future__ import annotations

import re
import unicodedata

from autonomy.text import prose
from autonomy.text import quotations as marks

# A key as pandoc reads it: punctuation stands singly and never at its end. (The tilde is left to subscripts.)
KEY = r"\w(?:\w|[:.#$%&+?<>/-](?=\w))*"
_BRACKET = r"\[(?:[^\[\]\n]|\n(?![ \t]*\n))*\]"
_PIECE = re.compile(rf"(?P<escape>\\.)|(?P<bracket>{_BRACKET})|(?P<at>(?<![^\W_])@)", re.DOTALL)
_CITED = re.compile(rf"(?<=[\[;,\s(-])@({KEY})")
_INSIDE = re.compile(rf"\\.|{_CITED.pattern}|(?P<at>(?<![^\W_])@)", re.DOTALL)
# Marks of one kind, dashes of two lengths; signs of emphasis are nothing.
_FOLD = str.maketrans(dict.fromkeys("“”„«»", '"') | dict.fromkeys("‘’‚", "'") | dict.fromkeys("‐‒–−", "-")
                      | dict.fromkeys("—―", "--") | dict.fromkeys("*_~^", ""))  # fmt: skip
_WORD = re.compile(r"\w+(?:['-]\w+)*")
_SPECIAL = re.compile(r"([\\`*_\[\]{}<>@#$^~!|]|&(?=#?\w+;))")


def keys(text: str) -> list[str]:
    """Citation keys in order of appearance, repeated as often as they stand there."""
    return [key for start, end in spans(text) for key in _CITED.findall(text[start:end])]


def spans(text: str) -> list[tuple[int, int]]:
    """Where the citations stand, from bracket to bracket."""
    return [one.span() for one in _PIECE.finditer(text) if one["bracket"] and _CITED.search(one["bracket"])]


def key_places(text: str) -> list[tuple[int, int, str]]:
    """Where each key stands that is cited, from its @ to its end, and the key."""
    return [(*one.span(), one[1]) for start, end in spans(text) for one in _CITED.finditer(text, start, end)]


def remarks(text: str) -> list[str]:
    """What each citation says beside its keys: “see”, “p. 3”."""
    return [_CITED.sub(" ", text[start:end])[1:-1] for start, end in spans(text)]


def with_plain_ats(markdown: str) -> str:
    """The text with every @ that is no citation escaped: `@home` is a word, and pandoc would take it for a citation."""

    def plain_piece(found: re.Match[str]) -> str:
        if found["bracket"]:
            return _INSIDE.sub(lambda one: "\\@" if one["at"] else one[0], found[0])
        return "\\@" if found["at"] else found[0]

    return _PIECE.sub(plain_piece, markdown)


def plain(text: str) -> str:
    """Text that Markdown leaves as it is, on one line: for titles and headings, which cite nothing."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def quotations(text: str) -> list[str]:
    return [quote for block in re.split(r"\n\s*\n", text) for quote in marks.found(marks.folded(block))]


def without_citations(text: str) -> str:
    parts: list[str] = []
    at = 0
    for start, end in spans(text):
        parts.append(text[at:start])
        at = end
    return " ".join([*parts, text[at:]])


def words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(_normal(without_citations(text)))]


def folded(text: str) -> str:
    """Text for comparing quotations: one kind of quotation mark and dash, single spaces, no case."""
    text = re.sub(r"-{2,}", "-", _normal(text).replace('"', "'"))
    return re.sub(r"\s+", " ", text).strip().casefold()


def _normal(text: str) -> str:
    """One form for what looks alike; emphasis is gone, and nothing is hidden between the letters."""
    return unicodedata.normalize("NFKC", prose.visible(text)).translate(_FOLD)

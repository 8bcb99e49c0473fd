"""Reading a draft: its paragraphs, citations (pandoc's `[@key]`, `[@a; @b]`) and quotations (“…”)."""

from __future__ import annotations

import re

_BRACKET = re.compile(r"\[([^\[\]]*@[^\[\]]*)\]")
_KEY = re.compile(r"@([A-Za-z0-9][A-Za-z0-9_:.#$%&+?<>~/-]*)")
_AT = re.compile(r"(\[[^\[\]]*@[^\[\]]*\])|(?<![\w@\\])@(?=\w)")
_QUOTE = re.compile(r"“([^”]*)”")
_WORD = re.compile(r"[\w'’-]+", re.UNICODE)
_FOLD = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "\u00a0": " "})


def keys(text: str) -> list[str]:
    """Citation keys in order of appearance, repeated as often as they stand there."""
    return [key.rstrip(".:") for bracket in _BRACKET.findall(text) for key in _KEY.findall(bracket)]


def with_plain_ats(markdown: str) -> str:
    """The text with every @ outside brackets escaped: `@home` is a word, and pandoc would take it for a citation."""
    return _AT.sub(lambda found: found[1] or "\\@", markdown)


def quotations(text: str) -> list[str]:
    return [quote.strip() for quote in _QUOTE.findall(text)]


def without_citations(text: str) -> str:
    return _BRACKET.sub(" ", text)


def without_quotations(text: str) -> str:
    """The writer's own words. A mark stands where a quotation was, so that no run of words reaches across it."""
    return _QUOTE.sub(" \x00 ", text)


def words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(without_citations(text).translate(_FOLD))]


def paragraphs(markdown: str) -> list[str]:
    """Blocks of prose; headings are left out."""
    blocks = (block.strip() for block in re.split(r"\n\s*\n", markdown))
    return [block for block in blocks if block and not block.startswith("#")]


def folded(text: str) -> str:
    """Text for comparing quotations: one kind of quotation mark and dash, single spaces, no case."""
    return re.sub(r"\s+", " ", text.translate(_FOLD).replace('"', "'")).strip().casefold()

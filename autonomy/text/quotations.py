"""Quotation marks: every form in which a text may quote is read as “…”."""

from __future__ import annotations

import re

# Fewer words than this in single marks, and they may be anything: a word that is named, an apostrophe.
SHORTEST = 3

_ALIKE = str.maketrans({"‟": "“", "❝": "“", "〝": "“", "❞": "”", "〞": "”", "〟": "”", "⹂": "„", "＂": '"', "″": '"',
                        "❛": "‘", "‛": "‘", "❜": "’", "＇": "'", "′": "'", "´": "’", "ʼ": "’"})  # fmt: skip
_DOUBLED = (("''", '"'), ("‘‘", "“"), ("’’", "”"), (",,", "„"), ("‚‚", "„"), ("<<", "«"), (">>", "»"))
_CLOSES = {"“": "”", "”": "”“", "„": "“”", '"': '"', "«": "»", "»": "«»", "「": "」", "『": "』"}
_CLOSES_SINGLE = {"‘": "’'", "‚": "‘’", "'": "'’", "’": "’'", "‹": "›", "›": "‹›"}
_DOUBLE = '“”„"«»「」『』'
# These pairs cannot be mistaken, so that what stands around them does not matter.
_SURE = frozenset(("“”", "«»", "「」", "『』", "‹›"))
_ELIDED = r"(?!\d|(?:tis|twas|em|til|till|cause|bout|round|n)\b)"
_OPENING = re.compile(rf"[{_DOUBLE}]|(?<!\w)[‘‚](?=\S){_ELIDED}|(?<!\w)['’](?=\w){_ELIDED}|[‹›]", re.IGNORECASE)
_QUOTATION = re.compile(r"“([^“”]*)”")
# Invisible, and no white space: it keeps the place of a letter that is gone.
_NOTHING = "\u2060"
_INNER = str.maketrans(dict.fromkeys(_DOUBLE, "'"))


def folded(paragraph: str) -> str:
    """The paragraph with every quotation in “…”, marks within it single. A mark without its other stays alone."""
    text = paragraph.translate(_ALIKE)
    for written, meant in _DOUBLED:
        text = text.replace(written, meant)
    parts: list[str] = []
    never_closed: set[str] = set()
    at = 0
    while opening := _OPENING.search(text, at):
        mark, start = opening[0], opening.end()
        parts.append(text[at : opening.start()])
        end = None if mark in never_closed else _closing(text, opening.start())
        inner = text[start:end] if end is not None else ""
        at = start
        if mark in _CLOSES_SINGLE and (end is None or len(inner.split()) < SHORTEST):
            # The others may be apostrophes, commas, pointers.
            parts.append("“" if end is None and mark in "‘‹" else mark)
            if end is None and mark != "‘":
                never_closed.add(mark)
        elif end is not None:
            parts.append(f"“{inner.translate(_INNER)}”")
            at = end + 1
        elif _is_inches(text, opening.start()):
            parts.append(" ")
        else:
            parts.append("“")
            break
    return "".join([*parts, text[at:]])


def in_place(paragraph: str) -> str:
    """The paragraph folded letter for letter: where something stands in it, it stands in the paragraph."""
    text = paragraph.translate(_ALIKE)
    for written, meant in _DOUBLED:
        text = text.replace(written, meant + _NOTHING)
    return folded(text)


def found(text: str) -> list[str]:
    """What is quoted in a folded text."""
    return [quotation.strip() for quotation in _QUOTATION.findall(text)]


def spans(text: str) -> list[tuple[int, int]]:
    """Where the quotations of a folded text stand, with their marks."""
    return [quotation.span() for quotation in _QUOTATION.finditer(text)]


def stretches(text: str) -> list[str]:
    """The writer's own words between the quotations of a folded text, so that no run of words reaches across one.

    A word or two in marks are the writer's own words too: no copy turns into quotations by marking every tenth word.
    """
    parts = [""]
    at = 0
    for one in _QUOTATION.finditer(text):
        parts[-1] += text[at : one.start()]
        if len(one[1].split()) < SHORTEST:
            parts[-1] += one[1]
        else:
            parts.append("")
        at = one.end()
    parts[-1] += text[at:]
    return parts


def unbalanced(text: str) -> str:
    """What follows the first mark of a folded text that has no other, with the mark; "" if there is none."""
    lone = re.search("[“”].*", _QUOTATION.sub("…", text), re.DOTALL)
    return lone[0] if lone else ""


def _closing(text: str, start: int) -> int | None:
    """Where the quotation that opens at `start` is closed."""
    mark = text[start]
    if _is_inches(text, start):
        return None
    single = mark in _CLOSES_SINGLE
    possessive: int | None = None
    for at in range(start + 1, len(text)):
        if single and (text[at] == mark == "‘" or (possessive and _OPENING.match(text, at))):
            break
        if text[at] not in (_CLOSES_SINGLE if single else _CLOSES).get(mark, "") or not _closes(text, start, at):
            continue
        if single and re.match(r"s['’] ?\w", text[at - 1 : at + 3]):
            possessive = at if possessive is None else possessive
            continue
        return at
    return possessive


def _is_inches(text: str, at: int) -> bool:
    return text[at] == '"' and text[max(0, at - 1)].isdigit()


def _closes(text: str, start: int, end: int) -> bool:
    if text[start] + text[end] in _SURE:
        return True
    return (
        not text[end - 1].isspace() and not text[start + 1].isspace() and not re.match(r"\w", text[end + 1 : end + 2])
    )

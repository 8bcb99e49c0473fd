"""Quotations: how they are written, found again and measured."""

from __future__ import annotations

import re

_CITATION = re.compile(r"\[[^\[\]]*@[^\[\]]*\]")
_QUOTED = re.compile(r"“[^“”]*”")
_DOUBLE = re.compile("[“”„«»″]")
_SUBORDINATE = re.compile(
    r"(?:after|although|as|because|before|if|once|since|so|than|that|though|unless|until|when|where|whereas|whether|which"
    r"|while|who|whose|with|and|or|nor|for|to|in order|provided)\b",
    re.IGNORECASE,
)
_TURN = re.compile(
    r"\b(?:but|yet|although|though|unless|except|however|only|if|provided|whereas|while|not|nor|cannot|never)\b",
    re.IGNORECASE,
)
_SEAM = re.compile(r";\s+|\s+[—–]\s+|,\s+(?:and|so)\s+(?=(?:the|a|an|every|each|most|many|[a-z]+s)\s)")


def count(markdown: str) -> tuple[int, int]:
    """Words inside quotation marks and words in all, without citations and marks."""
    bare = _CITATION.sub(" ", markdown)
    return sum(_words(part) for part in _QUOTED.findall(bare)), _words(bare)


def quotations(markdown: str) -> list[str]:
    """What stands between “ and ”, in order."""
    return [part[1:-1] for part in _QUOTED.findall(markdown)]


def normal(text: str) -> str:
    """A form in which a quotation and its origin are equal: single spaces, one kind of quotation mark."""
    return " ".join(re.sub('[“”„«»″"‘’‚‹›`´]', "'", text).split())


def as_quotation(text: str) -> str | None:
    """The text between “ and ”, inner double marks single; None if its marks do not pair or Markdown would read it."""
    if re.search(r"[@*_`<>\\^~|#$]|\]\(|\[@", text) or text.count('"') % 2 or text.count("“") != text.count("”"):
        return None
    if text.count("(") != text.count(")") or text.count("[") != text.count("]"):
        return None
    # The full stop of the sentence comes after the citation.
    text = re.sub(r"(?<![.…])[.;,:]$", "", " ".join(single_marks(text).split()))
    return f"“{text}”" if text and not _DOUBLE.search(text) else None


def single_marks(text: str) -> str:
    """Double quotation marks as single ones; straight ones open and close in turn."""
    parts = text.split('"')
    text = parts[0] + "".join(("‘" if at % 2 else "’") + part for at, part in enumerate(parts[1:], start=1))
    return text.translate(str.maketrans("“”«»„", "‘’‘’‘"))


def clause(sentence: str) -> str | None:
    """A clause of the sentence that can stand for itself, or None.

    A clause is not cut off from a `but`, an `if` or a negation elsewhere in the sentence: quoted without it, the
    source would seem to say what it does not say.
    """
    parts = _SEAM.split(sentence)
    if len(parts) != 2 or any(_TURN.search(part) for part in parts):
        return None
    fitting = [part for part in parts if 5 <= _words(part) <= 16 and not _SUBORDINATE.match(part) and "," not in part]
    return min(fitting, key=_words) if fitting else None


def running(text: str) -> str:
    """The words of a text in a row, for `copies`."""
    return " ".join(["", *_plain_words(text), ""])


def copies(text: str, origin: str, run: int = 10) -> bool:
    """Whether `run` words in a row outside quotation marks and titles also stand in a row in `origin`.

    `origin` is a source's words as `running` gives them.
    """
    ours = _plain_words(re.sub(r"\*[^*]*\*", " ¶ ", _QUOTED.sub(" ¶ ", _CITATION.sub(" ", text))))
    return any(f" {' '.join(ours[at : at + run])} " in origin for at in range(len(ours) - run + 1))


def _plain_words(text: str) -> list[str]:
    return re.findall(r"[\w’'-]+|¶", normal(text).lower())


def _words(text: str) -> int:
    return sum(any(letter.isalnum() for letter in word) for word in text.split())

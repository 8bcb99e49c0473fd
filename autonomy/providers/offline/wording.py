"""Whether a line of a source is a sentence that can be quoted, and where its quotation begins."""

from __future__ import annotations

import itertools
import re

from autonomy.providers.offline.vocabulary import Vocabulary
from autonomy.providers.offline.wordlists import BASE_VERBS
from autonomy.text.passages import count_words

_SHORTEST, _LONGEST = 6, 45
_ENUMERATOR = re.compile(
    r"^(?:[-–—*•]\s+|\(?(?:\d{1,3}(?:\.\d{1,3})*|[ivx]{1,4}|[IVX]{1,4}|[A-Za-z])[.)]\s+|\d+(?:\.\d+)+\s+)+"
)
# “Policy 4 – Green jobs: Use …” is quoted from what follows the colon.
_LABEL = re.compile(
    r"(?:[A-Z][\w’-]*|\d+)(?:,?\s+(?:[A-Z][\w’-]*|\d+[A-Z]?|[–—&/-]|and|of|for|the|in|to)){0,14}:\s+(?=[A-Z])"
)
# A heading that the file has run into the sentence after it.
_RUN_IN = re.compile(
    r"(?:[A-Z][\w’-]*\s+(?:(?:and|of|for|the|in|&)\s+)?){2,8}"
    r"(?=(?:A|An|The|In|To|This|These|It|We|Each|For|Our|As|There|When|While|With|By)\s+[a-z])"
)
_BOILERPLATE = re.compile(
    r"copyright|©|all rights reserved|cookie|click here|read more|sign up|subscribe|privacy policy|terms of use"
    r"|https?:|www\.|\b[\w-]+\.(?:com|org|net|gov|edu|io)\b|\bdoi\b|\bisbn\b|\bissn\b|downloaded from|retrieved from"
    r"|et al\.,? \(?\d{4}|\bpp?\. ?\d|photo(?:graph)?s? (?:by|credit)|table of contents|list of figures"
    r"|(?:[.·_]\s?){4}|…\s?…|\||\bfollowing (?:section|table|chapter|page|figure)s?\b"
    r"|\b(?:shown|listed|presented|described|discussed|see|as) (?:in )?(?:the )?"
    r"(?:(?:fig(?:ure)?s?|tables?|sections?|chapters?|appendix|appendices|boxe?s?)\b\.? ?[\dA-Z]|below\b|above\b)"
    r"|^(?:fig(?:ure)?|table|box|plate|chart|source|note|photo|image|map|appendix|chapter|section|page|step)s?\b\.? ?"
    r"(?:[\dA-Z:]|$)",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"[^\W_]+(?:[’'-][^\W_]+)*")
_PAIRS = (("(", ")"), ("[", "]"), ("{", "}"), ("“", "”"), ("‘", "’"))
_FINITE_LIST = """
is are was were am has have had can could may might must shall should will would do does did cannot became began
brought built came caught drew fell found gave got grew held kept knew led left lost made meant met paid rose said saw
sent sold spent stood took taught told thought went won wrote isn’t aren’t wasn’t don’t doesn’t didn’t won’t can’t
isn't aren't wasn't don't doesn't didn't won't can't it’s it's there’s there's that’s
"""
_FINITE = frozenset(_FINITE_LIST.split())
_NOT_SUBJECTS_LIST = """
a an the this these that those its their his her our your my of in on at by for from with without to and or no
"""
_NOT_SUBJECTS = frozenset(_NOT_SUBJECTS_LIST.split())


def quotable(line: str) -> str | None:
    """The part of a line that may be quoted as a sentence: without its enumerator or label; None if there is none."""
    text = _ENUMERATOR.sub("", line, count=1)
    label = _LABEL.match(text) or _RUN_IN.match(text)
    if label and count_words(text[label.end() :]) >= _SHORTEST:
        text = text[label.end() :]
    if text[:1] in '“"' and text[-1:] in '”"' and not re.search('[“”"]', text[1:-1]):
        text = text[1:-1].strip()
    return text if text and _usable(text) and not _BOILERPLATE.search(line) else None


def _usable(text: str) -> bool:
    return (
        _SHORTEST <= count_words(text) <= _LONGEST
        and text.rstrip("”’\"')]")[-1:] in tuple(".!?…。！？؟۔।")
        and not text[0].islower()
        and (text[0].isalnum() or text[0] in "“‘\"'([¿¡")
        and sum(letter.isdigit() for letter in text) * 8 < len(text)
        and not any(text.count(left) != text.count(right) for left, right in _PAIRS[:4])
        and text.count('"') % 2 == 0
        and text.count("‘") <= text.count("’")
        and not re.search(r"[«»\ufffd\ue000-\uf8ff‗―]", text)
    )


def quality(text: str, vocabulary: Vocabulary) -> float:
    """How surely a text is a sentence of prose, 0 to 1. A line of a table or a list scores low."""
    words = _TOKEN.findall(text)
    if not words or not all(letter.isascii() or letter in "–—‘’“”…" for letter in re.sub(r"\W", "", text)[:40]):
        return 1.0  # what is not written in the Latin alphabet is not judged
    rest = [word for word in words[1:] if word[0].isalpha()]
    capitals = sum(word[0].isupper() for word in rest) / max(1, len(rest))
    worth = 1.0 if capitals <= 0.3 else 0.7 if capitals <= 0.45 else 0.25
    if sum(len(word) > 1 and word.isupper() for word in words) * 5 > len(words):
        worth *= 0.4
    if not _has_verb(words, vocabulary):
        # A request to somebody, as lists of measures have them, is worth more than a fragment.
        worth *= 0.6 if words[0].lower() in BASE_VERBS or vocabulary.is_verb(words[0]) else 0.2
    if any(len(word) == 1 and word not in "aAI" and not word.isdigit() for word in words):
        worth *= 0.5
    if text.rstrip("”’\"')]").endswith("?"):
        worth *= 0.5  # a question says little on its own
    return worth * (0.8 if text.count(";") > 1 or text.count(":") > 0 or text.count(",") > 6 else 1.0)


def _has_verb(words: list[str], vocabulary: Vocabulary) -> bool:
    for before, word in itertools.pairwise(words):
        if word in _FINITE:
            return True
        if not word.islower() or before.lower() in _NOT_SUBJECTS:
            continue
        bases = {word[:-1]} if word.endswith("s") else set()
        bases |= {word[:-2], word[:-1], word[:-3]} if word.endswith(("es", "ed")) else set()
        if word.endswith(("ies", "ied")):
            bases.add(word[:-3] + "y")
        if before.endswith("s") or before.lower() in ("we", "they", "you", "i", "people", "who", "that"):
            bases.add(word)
        if any(base in BASE_VERBS or vocabulary.is_verb(base) for base in bases):
            return True
    return words[0].lower() in _FINITE

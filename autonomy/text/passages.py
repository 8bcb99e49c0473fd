"""Cutting text into sentences and into passages of a searchable size."""

from __future__ import annotations

import math
import re

__all__ = ["count_words", "sentences", "split"]

_ABBREVIATIONS = """
e.g i.e cf vs viz fig figs eq eqs no nos vol vols pp p para ch sec sect tab ed eds approx ca dr mr mrs ms prof st gen
sen rep rev gov hon mt capt col lt sgt art dept resp esp incl mar apr jun jul sep
"""
_EITHER_WAY = """
al etc inc ltd co corp a.m p.m jr sr jan feb aug sept oct nov dec
"""
_BEGINNINGS = """
a after all also although an and another as at because before both but by each every few finally for from he her here
his how however i if in it its many more most no nor not of on one only or other our over she since so some such that
the their then there these they this those though thus to under until we what when where whereas whether which while
who why with yet you
"""
# Never the last word of a sentence: something follows that they belong to.
_OPEN = frozenset(_ABBREVIATIONS.split())
# The last word of a sentence only if the next word looks like the beginning of one.
_EITHER = frozenset(_EITHER_WAY.split())
_STARTERS = frozenset(_BEGINNINGS.split())
_END = re.compile(
    r"""(?P<mark>[.!?…]+)(?P<close>[”’»"')\]]*)(?P<note>(?:\[\d+(?:[,–-]\s?\d+)*\])*)(?P<gap>\s+)(?P<open>[“‘«"'(\[¿¡]*)(?=\S)"""
    r"""|(?P<wide>[。！？｡]+[”’」』）]*)\s*(?=\S)|(?P<other>[؟۔।॥]+)\s+(?=\S)"""
)
CHARACTERS_PER_WORD = 12
_LAST_WORD = re.compile(r"[^\s(\[“‘\"']*$")
_NEXT_WORD = re.compile(r"[^\W\d_]+(?:[’'][^\W\d_]+)?")
_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_WORD = re.compile(r"[^\W_]+(?:[’'.,-][^\W_]+)*")


def count_words(text: str) -> int:
    """The number of words; in scripts without spaces two characters count as one word."""
    wide = len(_CJK.findall(text))
    return len(_WORD.findall(_CJK.sub(" ", text) if wide else text)) + (wide + 1) // 2


def sentences(text: str) -> list[str]:
    """The sentences of a text in order, each unchanged but for outer white space. Lines never run together."""
    found: list[str] = []
    for line in text.splitlines():
        start = 0
        for end in _END.finditer(line):
            if end["gap"] is not None and not _ends(line, start, end):
                continue
            stop = end.end() - len(end["open"] or "")
            found.append(line[start:stop].strip())
            start = stop
        found.append(line[start:].strip())
    return [sentence for sentence in found if sentence]


def _ends(line: str, start: int, end: re.Match[str]) -> bool:
    """Whether a full stop, question or exclamation mark before white space ends the sentence begun at `start`."""
    after = line[end.end() :]
    if after[0].islower() or after[0] in ",;:)]":
        return False
    if end["mark"] != ".":
        return True
    word = _LAST_WORD.search(line, start, end.start())
    before = word[0].lower() if word else ""
    following = _NEXT_WORD.match(after)
    begins_anew = following is not None and following[0].lower() in _STARTERS and following[0][0].isupper()
    if end["close"] or end["note"]:
        return before not in _OPEN or begins_anew
    if before in _EITHER:
        return begins_anew or (before == "etc" and after[0].isupper() and not end["open"])
    if before in _OPEN:
        return False
    if not before or (before.isdigit() and line[start : end.start()].strip() == before):
        return False  # the number of a list item
    if re.fullmatch(r"[^\W\d_]|(?:[^\W\d_]\.)+[^\W\d_]", before):
        return begins_anew  # initials and dotted abbreviations: J. Smith, U.S. Army
    return True


def split(text: str, words: int = 120) -> list[str]:
    """Passages of about `words` words in reading order.

    A passage is whole paragraphs, one a line, or some sentences of a paragraph that is too long for one passage.
    A heading is a line of its own and stands at the head of the passage that follows it.
    """
    passages: list[str] = []
    lines: list[str] = []
    size = 0

    def close() -> None:
        nonlocal size
        # Headings at the end belong to what comes next.
        carried: list[str] = []
        while lines and _is_heading(lines[-1]):
            carried.insert(0, lines.pop())
        if lines:
            passages.append("\n".join(lines))
        lines[:] = carried
        size = sum(_length(line) for line in carried)

    for paragraph in filter(None, (re.sub(r"\s+", " ", line).strip() for line in text.splitlines())):
        for piece in _pieces(paragraph, words):
            length = _length(piece)
            starts_section = _is_heading(piece) and size >= words / 2
            if lines and (size + length > 1.25 * words or starts_section):
                close()
            lines.append(piece)
            size += length
    close()
    if lines:
        passages[-1:] = ["\n".join([*passages[-1:], *lines])]
    return passages


def _length(text: str) -> int:
    """Words; a list of numbers without a space, one word to the counter, counts by its characters."""
    return max(count_words(text), len(text) // CHARACTERS_PER_WORD)


def _is_heading(line: str) -> bool:
    return line[-1] not in ".!?…:;,。！？؟۔।”\"')" and _length(line) <= 14


def _pieces(paragraph: str, words: int) -> list[str]:
    """The paragraph, or even parts of it that end with a sentence."""
    total = _length(paragraph)
    if total <= 1.25 * words:
        return [paragraph]
    target = total / math.ceil(total / words)
    pieces: list[list[str]] = [[]]
    size = 0
    for sentence in (part for whole in sentences(paragraph) for part in _unbroken(whole, words)):
        length = _length(sentence)
        if pieces[-1] and size + length / 2 > target:
            pieces.append([])
            size = 0
        pieces[-1].append(sentence)
        size += length
    return [" ".join(piece) for piece in pieces]


def _unbroken(sentence: str, words: int) -> list[str]:
    """A sentence without end, such as a table read as text, is cut at white space."""
    if _length(sentence) <= 3 * words:
        return [sentence]
    parts = sentence.split()
    if len(parts) * 3 < _length(sentence):
        return _cut(sentence, 2 * words)
    lines = (" ".join(parts[at : at + words]) for at in range(0, len(parts), words))
    return [piece for line in lines for piece in _cut(line, words * CHARACTERS_PER_WORD)]


def _cut(text: str, length: int) -> list[str]:
    return [text[at : at + length] for at in range(0, len(text), length)]

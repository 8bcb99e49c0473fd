"""The sentences the offline model puts around what the sources say. A frame claims nothing of its own."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

from autonomy.providers.offline.quoting import single_marks

_TITLE_WORDS = 9
# {T} a title, {A} an author, {X} {Y} {Z} terms of the sentence, {c} its citation, {q} a quotation.
QUOTING = (
    "{T} puts it this way: {q} {c}.",
    "On {X}, {T} says: {q} {c}.",
    "{q} {c}, in the words of {T}.",
    "{A} writes in {T}: {q} {c}.",
    "{T} has this to say about {X}: {q} {c}.",
    "In {T} one reads: {q} {c}.",
    "Of {X}, {T} states: {q} {c}.",
)
# For a source whose title the section has given already: the citation is enough.
QUOTING_KNOWN = (
    "On {X}, {T} has this: {q} {c}.",
    "{T} says further: {q} {c}.",
    "{q} {c}, according to {T}.",
    "{T} comes back to {X}: {q} {c}.",
    "{T} puts it thus: {q} {c}.",
)
QUOTING_AGAIN = (
    "The same source adds: {q} {c}.",
    "On {X}, it says: {q} {c}.",
    "{q} {c}, the same source says.",
    "It also says of {X}: {q} {c}.",
)
QUOTING_CLAUSE = (
    "{T} says it in a few words: {q} {c}.",
    "On {X}, a clause in {T} reads: {q} {c}.",
    "One clause of {T} reads: {q} {c}.",
)
QUOTING_LOWER = (
    "In the words of {T}, {q} {c}.",
    "{T} says that {q} {c}.",
)
TELLING = {
    "reason": (
        "{T} gives a reason for what it says of {X} and {Y} {c}.",
        "What {T} says of {X} comes with a reason, and with a word on {Y} {c}.",
    ),
    "condition": (
        "{T} names a condition where it speaks of {X} and {Y} {c}.",
        "A condition is attached to what {T} says about {X} and {Y} {c}.",
    ),
    "contrast": (
        "Where {T} comes to {X} and {Y}, it draws a contrast {c}.",
        "{T} makes a distinction in speaking of {X} and {Y} {c}.",
    ),
    "example": (
        "{T} works with an example in what it says of {X} and {Y} {c}.",
        "An example accompanies what {T} says about {X} and {Y} {c}.",
    ),
    "figures": (
        "{T} gives a figure in connection with {X} and {Y} {c}.",
        "There is a figure to go with {X} and {Y} in {T} {c}.",
    ),
    "date": (
        "{T} gives a date in connection with {X} and {Y} {c}.",
        "A date goes with what {T} says of {X} and {Y} {c}.",
    ),
    "plain": (
        "{T} connects {X} with {Y} {c}.",
        "{X} and {Y} come up together in {T} {c}.",
        "{T} speaks of {X} and {Y} in one sentence {c}.",
        "In {T}, the talk is of {X} and {Y} {c}.",
        "{T} mentions {X} in the same breath as {Y} {c}.",
    ),
    "three": (
        "{T} brings {X}, {Y} and {Z} together {c}.",
        "In one sentence, {T} takes in {X}, {Y} and {Z} {c}.",
        "{T} links {X}, {Y} and {Z} {c}.",
    ),
}
TELLING_KNOWN = (
    "{X} and {Y} are mentioned together {c}.",
    "{T} connects {X} with {Y} {c}.",
    "One sentence speaks of {X} as well as {Y} {c}.",
    "{X} and {Y} meet in one sentence {c}.",
    "{T} also speaks of {X} and {Y} {c}.",
)
# {T} {c} and {T2} {c2} both speak of {X}; {Y} and {Y2} are what each names beside it.
SHARING = (
    "On {X}, {T} {c} and {T2} {c2} both have something to say.",
    "Both {T} {c} and {T2} {c2} come to speak of {X}.",
    "Two of the sources speak of {X}: {T} {c} and {T2} {c2}.",
)
COMPARING = (
    "{T} {c} speaks of {X} together with {Y}, and {T2} {c2} together with {Y2}.",
    "Beside {X}, {T} {c} puts {Y}, and {T2} {c2} puts {Y2}.",
    "Next to {X}, {T} {c} mentions {Y}, and {T2} {c2} mentions {Y2}.",
)


class Rotation:
    """Takes frames in turn, each list from its own place, so that neighbours differ; equal seeds give equal text."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._turn: dict[Sequence[str], int] = {}

    def fill(self, frames: Sequence[str], **parts: str) -> str | None:
        """The next frame whose every part is at hand and not empty, filled in; None if there is none."""
        start = self._turn.get(frames, zlib.crc32(f"{self._seed}|{frames[0]}".encode()) % len(frames))
        for step in range(len(frames)):
            frame = frames[(start + step) % len(frames)]
            if all(parts.get(name) for name in re.findall(r"{(\w+)}", frame)):
                self._turn[frames] = start + step + 1
                return capitalised(frame.format(**parts))
        return None


def capitalised(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def listing(parts: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


def title_of(title: str, short: bool = False) -> str:
    """A title in italics, safe in Markdown; its subtitle is left out if `short`, and an endless one is cut."""
    title = " ".join(re.sub(r"[*_`\\<>\[\]@]", " ", single_marks(title)).split())
    if short and re.match(r".{6,}?[:–—]\s", title):
        title = re.split(r"\s*[:–—]\s", title, maxsplit=1)[0]
    # So short that a title, which the source holds as well, is never a long run of the source's words.
    cut = " ".join(title[:90].split(" ")[:_TITLE_WORDS])
    if len(title) > len(cut):
        title = (cut.rsplit(" ", 1)[0] if len(cut) == 90 else cut).rstrip(" ,;:") + "…"
        # A quotation within the title may have lost its end: it then goes without marks.
        title = re.sub(r"(?<!\w)['‘’](?=\w)|(?<=\S)['‘’](?!\w)", "", title)
    return f"*{title}*" if title else ""

"""What is placed in a paragraph of Markdown that was read: links in place of letters, and letters that are marked.

All of it goes among the tokens, so that what comes out is well-formed however the marks lie across emphasis and links.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from markdown_it.token import Token

_WRAPPERS = {"quotation": ("span", "draft-quotation"), "match": ("mark", "draft-match")}
_TEXT = ("text", "code_inline", "softbreak", "hardbreak")


@dataclass(frozen=True)
class Put:
    """A text in place of the letters from `start` to `end`, which may be none. With an `href` it is a link.

    `kind` is the class; `before` is read to those who do not see the page. `raised`: as a note's number.
    """

    start: int
    end: int
    text: str
    href: str = ""
    anchor: str = ""
    kind: str = ""
    before: str = ""
    raised: bool = False


@dataclass(frozen=True)
class Wrap:
    """Letters that are shown in a way of their own: `quotation` or `match`."""

    start: int
    end: int
    kind: str


def letters(token: Token) -> str:
    if token.type.endswith("break"):
        return "\n"
    return token.content if token.type in _TEXT else ""


def words(content: str) -> Token:
    return Token("text", "", 0, content=content)


def _open(tag: str, **attributes: str) -> Token:
    given: dict[str, str | int | float] = {name: value for name, value in attributes.items() if value}
    return Token(f"{tag}_open", tag, 1, attrs=given)


def _close(tag: str) -> Token:
    return Token(f"{tag}_close", tag, -1)


def changed(children: Sequence[Token], changes: Sequence[Put | Wrap]) -> Iterator[Token]:
    puts = sorted((one for one in changes if isinstance(one, Put)), key=lambda one: (one.start, one.end))
    wraps = _merged(one for one in changes if isinstance(one, Wrap))
    starts = [one.start for one in wraps]
    cuts = sorted({place for one in changes for place in (one.start, one.end)})
    at, next_cut, next_put, depth = 0, 0, 0, 0
    worn: list[str] = []
    covered = 0

    def wear(kinds: list[str]) -> Iterator[Token]:
        if kinds != worn:
            yield from (_close(_WRAPPERS[kind][0]) for kind in reversed(worn))
            worn[:] = kinds
            for kind in worn:
                tag, name = _WRAPPERS[kind]
                yield _open(tag, **{"class": name})

    for child in [*children, None]:
        length = len(letters(child)) if child else 0
        if child and not length:
            yield from wear([])
            yield child
            depth += child.nesting if child.type == "link_open" or child.type == "link_close" else 0
            continue
        end = at + length
        begin = at
        while begin < end or child is None:
            while not depth and next_put < len(puts) and puts[next_put].start <= begin:
                yield from wear([])
                yield from _tokens(puts[next_put])
                covered = max(covered, puts[next_put].end)
                next_put += 1
            if child is None:
                break
            while next_cut < len(cuts) and cuts[next_cut] <= begin:
                next_cut += 1
            stop = min(end, cuts[next_cut]) if next_cut < len(cuts) else end
            if begin >= covered:
                wrap = wraps[bisect_right(starts, begin) - 1] if starts and starts[0] <= begin else None
                yield from wear([wrap.kind] if wrap and begin < wrap.end else [])
                yield _piece(child, begin - at, stop - at)
            begin = stop
        at = end
    yield from wear([])


def _merged(wraps: Iterable[Wrap]) -> list[Wrap]:
    """In order, none over another."""
    merged: list[Wrap] = []
    for one in sorted(wraps, key=lambda one: (one.start, one.end)):
        if merged and one.start < merged[-1].end:
            merged[-1] = Wrap(merged[-1].start, max(merged[-1].end, one.end), merged[-1].kind)
        else:
            merged.append(one)
    return merged


def _piece(child: Token, start: int, end: int) -> Token:
    if child.type.endswith("break"):
        return child
    return child.copy(content=child.content[start:end])


def _tokens(put: Put) -> Iterator[Token]:
    if put.raised:
        yield _open("sup")
    tag = "a" if put.href else "span" if put.kind or put.anchor else ""
    if tag:
        yield _open(tag, href=put.href, id=put.anchor, **{"class": put.kind})
    if put.before:
        yield from (_open("span", **{"class": "draft-hidden"}), words(put.before), _close("span"))
    yield words(put.text)
    if tag:
        yield _close(tag)
    if put.raised:
        yield _close("sup")

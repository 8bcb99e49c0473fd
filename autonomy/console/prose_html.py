"""Markdown that a model wrote, as HTML: what it may say is settled when it is read, and once more by a sanitizer.

No raw HTML, no images (an image becomes its description), links to web pages only. What this page adds, such as links
from citations, is placed among the tokens and never in finished HTML.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import nh3
from django.utils.safestring import SafeString
from markdown_it import MarkdownIt
from markdown_it.token import Token

# A section has no more.
MOST_LETTERS = 50_000
# Of opening brackets: each is looked after to the end of the text, and no prose has so many. Beyond it none is a link.
_MOST_BRACKETS = 2_000

_WEB = re.compile(r"https?://[^/?#\\]", re.IGNORECASE)
# Only what the page places itself has an anchor or leads to one.
_ANCHOR = re.compile(r"[a-z]+-\d+")
_CLASSES = {
    "a": {"draft-cite", "draft-note", "draft-away"},
    "span": {"draft-unknown", "draft-quotation", "draft-hidden"},
    "mark": {"draft-match"},
}
_TAGS = {
    *("p", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre", "code", "hr", "br", "em", "strong"),
    *("table", "thead", "tbody", "tr", "th", "td", "a", "span", "mark", "sup"),
}
_WRAPPERS = {"quotation": ("span", "draft-quotation"), "match": ("mark", "draft-match")}
_TEXT = ("text", "code_inline", "softbreak", "hardbreak")
# They show a reader something else than what stands there.
_TURNING = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_STRUCTURE = str.maketrans(dict.fromkeys("[]@\\", "\0"))


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


class Prose:
    """Markdown, read.

    `paragraphs`: the text of each inline element as it is seen. `citable`: the same, letter for letter, without
    brackets and @ that are escaped or stand in code or in a link, where a citation is none. `is_cut`: there is more.
    """

    def __init__(self, markdown: str, heading: int = 4) -> None:
        """The highest heading becomes `h<heading>`."""
        self.is_cut = len(markdown) > MOST_LETTERS
        text = sound(markdown[:MOST_LETTERS])
        self._tokens = (_PARSER if text.count("[") <= _MOST_BRACKETS else _LINKLESS).parse(text)
        self._inlines = [token for token in self._tokens if token.type == "inline"]
        for token in self._inlines:
            token.children = [*_harmless(token.children or [])]
        _shift_headings(self._tokens, heading)
        self.paragraphs = ["".join(map(_letters, token.children or [])) for token in self._inlines]
        self.citable = ["".join(_citable(token.children or [])) for token in self._inlines]

    def html(self, changes: Mapping[int, Sequence[Put | Wrap]] | None = None) -> SafeString:
        """The HTML, with changes by the number of the paragraph. What is put in must not overlap. Once only."""
        for number, token in enumerate(self._inlines):
            if placed := (changes or {}).get(number):
                token.children = [*_changed(token.children or [], placed)]
        made = _PARSER.renderer.render(self._tokens, _PARSER.options, {})
        # The one place that calls it safe: nothing but the tags and attributes below is left in it.
        return SafeString(
            nh3.clean(
                made,
                tags=_TAGS,
                attributes={"a": {"href", "id"}, "ol": {"start"}},
                attribute_filter=_attribute,
                allowed_classes=_CLASSES,
                link_rel="noopener noreferrer nofollow",
                url_schemes={"http", "https"},
            )
        )


def line(markdown: str) -> str:
    """A line of Markdown, such as a heading, as the text a reader sees."""
    return " ".join("".join(Prose(markdown).paragraphs).split())


def sound(text: str) -> str:
    """Without what turns the direction of letters, control characters and halves of letters."""
    whole = text.encode("utf-8", "replace").decode().replace("\r\n", "\n").replace("\r", "\n")
    return "".join(
        letter
        for letter in whole
        if letter in "\n\t" or (letter not in _TURNING and unicodedata.category(letter) != "Cc")
    )


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 40}).enable("table").disable("text_join")
    # A definition could make a link of a citation.
    parser.disable("reference")
    parser.validateLink = lambda url: bool(_WEB.match(url))  # type: ignore[method-assign]
    return parser


_PARSER = _parser()
_LINKLESS = _parser().disable(["link", "image"])
_WRITTEN_OTHERWISE = "escaped"


def _attribute(tag: str, name: str, value: str) -> str | None:
    if name == "id":
        return value if _ANCHOR.fullmatch(value) else None
    if name == "href":
        return value if _WEB.match(value) or (value[:1] == "#" and _ANCHOR.fullmatch(value[1:])) else None
    return value


def _harmless(children: Sequence[Token]) -> Iterator[Token]:
    """Images become their description; a link says which site it leads to."""
    site = ""
    for child in children:
        if child.type == "image":
            yield from _harmless(child.children or [])
        elif child.type.startswith("html"):
            yield _text(child.content)
        elif child.type == "text_special":
            yield child.copy(type="text", info=_WRITTEN_OTHERWISE)
        else:
            if child.type == "link_open":
                address = str(child.attrs.get("href", ""))
                site = "" if child.markup == "autolink" and "@" not in address else _site(address)
                child.attrs = {"href": address, "class": "draft-away"}
            elif child.type == "link_close" and site:
                yield _text(f" ({site})")
            yield child


def _site(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _shift_headings(tokens: Sequence[Token], highest: int) -> None:
    """Each is at most one level below the one before."""
    before = highest - 1
    for token in tokens:
        if token.type == "heading_open":
            before = min(6, highest - 1 + int(token.tag[1]), before + 1)
            token.tag = f"h{before}"
        elif token.type == "heading_close":
            token.tag = f"h{before}"


def _letters(token: Token) -> str:
    if token.type.endswith("break"):
        return "\n"
    return token.content if token.type in _TEXT else ""


def _citable(children: Sequence[Token]) -> Iterator[str]:
    depth = 0
    for child in children:
        depth += child.nesting if child.type.startswith("link_") else 0
        hidden = depth or child.type == "code_inline" or child.info == _WRITTEN_OTHERWISE
        yield _letters(child).translate(_STRUCTURE) if hidden else _letters(child)


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)


def _open(tag: str, **attributes: str) -> Token:
    given: dict[str, str | int | float] = {name: value for name, value in attributes.items() if value}
    return Token(f"{tag}_open", tag, 1, attrs=given)


def _close(tag: str) -> Token:
    return Token(f"{tag}_close", tag, -1)


def _changed(children: Sequence[Token], changes: Sequence[Put | Wrap]) -> Iterator[Token]:
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
        length = len(_letters(child)) if child else 0
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
        yield from (_open("span", **{"class": "draft-hidden"}), _text(put.before), _close("span"))
    yield _text(put.text)
    if tag:
        yield _close(tag)
    if put.raised:
        yield _close("sup")

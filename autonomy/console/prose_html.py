"""Markdown that a model wrote, as HTML: what it may say is settled when it is read, and once more by a sanitizer.

No raw HTML, no images (an image becomes its description), links to web pages only. What this page adds, such as links
from citations, is placed among the tokens and never in finished HTML.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

import nh3
from django.utils.safestring import SafeString
from markdown_it import MarkdownIt
from markdown_it.token import Token

from autonomy.console.prose_changes import Put, Wrap, changed, letters, words

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
# They show a reader something else than what stands there.
_TURNING = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_STRUCTURE = str.maketrans(dict.fromkeys("[]@\\", "\0"))


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
        self.paragraphs = ["".join(map(letters, token.children or [])) for token in self._inlines]
        self.citable = ["".join(_citable(token.children or [])) for token in self._inlines]

    def html(self, changes: Mapping[int, Sequence[Put | Wrap]] | None = None) -> SafeString:
        """The HTML, with changes by the number of the paragraph. What is put in must not overlap. Once only."""
        for number, token in enumerate(self._inlines):
            if placed := (changes or {}).get(number):
                token.children = [*changed(token.children or [], placed)]
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
            yield words(child.content)
        elif child.type == "text_special":
            yield child.copy(type="text", info=_WRITTEN_OTHERWISE)
        else:
            if child.type == "link_open":
                address = str(child.attrs.get("href", ""))
                site = "" if child.markup == "autolink" and "@" not in address else _site(address)
                child.attrs = {"href": address, "class": "draft-away"}
            elif child.type == "link_close" and site:
                yield words(f" ({site})")
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


def _citable(children: Sequence[Token]) -> Iterator[str]:
    depth = 0
    for child in children:
        depth += child.nesting if child.type.startswith("link_") else 0
        hidden = depth or child.type == "code_inline" or child.info == _WRITTEN_OTHERWISE
        yield letters(child).translate(_STRUCTURE) if hidden else letters(child)

"""Plain prose in Markdown: its paragraphs as a reader sees them, and what in it is more than prose."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

_DEEPEST = 8
_NAMES = {
    "heading_open": "a heading",
    "blockquote_open": "a block quotation",
    "code_block": "an indented code block",
    "fence": "a code block",
    "code_inline": "a code span",
    "html_block": "an HTML tag",
    "html_inline": "an HTML tag",
    "link_open": "a link",
    "image": "an image",
    "table_open": "a table",
    "hr": "a rule",
}
# What the writer of the Word file takes for more than text, though CommonMark does not.
_ELSEWHERE = (
    (re.compile(r"\]\(|\]\[(?![^\[\]]*@)"), "a link"),
    (re.compile(r"<[A-Za-z/!?][^<>]*>"), "an HTML tag"),
    (re.compile(r"`"), "a code span"),
    (re.compile(r"\[\^|\^\["), "a footnote"),
    (re.compile(r"^[ \t]*(?:\||\+[-=:+]{2,})", re.MULTILINE), "a table"),
    (re.compile(r"^[ \t]*[:~][ \t]", re.MULTILINE), "a definition list"),
)
_PARSER = MarkdownIt("commonmark", {"maxNesting": 60}).enable("table").disable("text_join")


def paragraphs(markdown: str) -> list[str]:
    """The paragraphs in the words and marks that a reader sees; a list without blank lines is one. No headings."""
    found: list[list[str]] = []
    before: Token | None = None
    for token in _PARSER.parse(markdown):
        if token.type == "inline" and before is not None and before.type != "heading_open":
            if before.hidden and found:
                found[-1].append(_seen(token))
            else:
                found.append([_seen(token)])
        elif token.type in ("bullet_list_open", "ordered_list_open") and token.level == 0:
            found.append([])
        before = token
    return [text for text in ("\n".join(parts).strip() for parts in found) if text]


def beyond(markdown: str) -> list[str]:
    """What is more than prose, named once each: “a link”, “a table”."""
    env: dict[str, Any] = {}
    names: dict[str, None] = {}
    for token in _PARSER.parse(markdown, env):
        names.update(dict.fromkeys(_block(token)))
        if token.type == "inline":
            names.update(dict.fromkeys(_inline(token)))
    if env.get("references"):
        names["a link or footnote definition"] = None
    return list(names)


def visible(text: str) -> str:
    """The text without soft hyphens, zero-width characters and the like."""
    return "".join(letter for letter in text if unicodedata.category(letter) != "Cf" and letter != "\u034f")


def _block(token: Token) -> Iterable[str]:
    if token.type in _NAMES:
        yield _NAMES[token.type]
    if token.level > _DEEPEST:
        yield "a list within lists within lists"


def _inline(token: Token) -> Iterable[str]:
    text = ""
    for child in token.children or []:
        if child.type in _NAMES:
            yield _NAMES[child.type]
        if child.type == "text_special" and set(child.content) & set("[]@"):
            yield "a bracket or @ that is escaped"
        text += child.content if child.type == "text" else "\n" if child.type.endswith("break") else "\x00"
    yield from (name for pattern, name in _ELSEWHERE if pattern.search(text))


def _seen(token: Token) -> str:
    parts = (
        child.content if child.type in ("text", "text_special", "code_inline") else " " * child.type.endswith("break")
        for child in token.children or []
    )
    return visible("".join(parts))

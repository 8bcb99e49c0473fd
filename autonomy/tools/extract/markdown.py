"""Markdown files with optional YAML front matter."""

from __future__ import annotations

import re
from typing import Any

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from autonomy.errors import UnreadableSource
from autonomy.tools.extract.extracted import Extracted
from autonomy.tools.extract.metadata import csl
from autonomy.tools.extract.prose import assemble, clean
from autonomy.tools.extract.text import decode, refuse_html

_FRONT = re.compile(r"\A---[ \t]*\r?\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
_TYPES = {"article", "article-journal", "book", "chapter", "document", "report", "thesis", "webpage"}
_LARGEST_FRONT = 64 * 1024


def read(data: bytes) -> Extracted:
    """Paragraphs without markup; code blocks, images and raw HTML are dropped."""
    source = decode(data).lstrip("\ufeff")
    refuse_html(source)
    front, body = _split(source)
    headings: list[str] = []
    paragraphs: list[str] = []
    tokens = MarkdownIt("commonmark").enable("table").parse(body)
    row: list[str] | None = None
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.type == "tr_open":
            row = []
        elif token.type == "tr_close" and row is not None:
            paragraphs.append(" | ".join(filter(None, row)))
            row = None
        elif token.type == "inline":
            text = clean(_plain(token))
            if row is not None:
                row.append(text)
                continue
            paragraphs.append(text)
            if text and before is not None and before.type == "heading_open":
                headings.append(text)
    title = clean(str(front.get("title") or "")) or (headings[0] if headings else "")
    if title and title not in headings and front.get("title"):
        headings.insert(0, title)
    return Extracted(title, assemble(paragraphs), headings, "text/markdown", _metadata(front, title))


def _split(source: str) -> tuple[dict[str, Any], str]:
    match = _FRONT.match(source)
    if match is None or len(match[1]) > _LARGEST_FRONT:
        return {}, source
    # Aliases are how a small YAML file grows without bound, and front matter has no use for them.
    if re.search(r"(?:^|[\s\[,:-])[&*]\w", match[1]):
        raise UnreadableSource("The front matter uses YAML anchors, which are not supported")
    try:
        front = yaml.safe_load(match[1])
    except (yaml.YAMLError, ValueError) as error:
        raise UnreadableSource(f"The front matter is not valid YAML: {clean(str(error))[:160]}") from error
    if not isinstance(front, dict):
        return {}, source
    return {str(name).lower(): value for name, value in front.items()}, source[match.end() :]


def _plain(token: Token) -> str:
    parts: list[str] = []
    for child in token.children or []:
        if child.type in ("text", "code_inline"):
            parts.append(child.content)
        elif child.type in ("softbreak", "hardbreak"):
            parts.append(" ")
    return "".join(parts)


def _metadata(front: dict[str, Any], title: str) -> dict[str, Any]:
    authors = front.get("author") or front.get("authors") or []
    kind = str(front.get("type") or "document")
    fields = {"publisher": "publisher", "url": "URL", "doi": "DOI"}
    more = {field: str(front[name]) for name, field in fields.items() if front.get(name)}
    if isinstance(authors, dict):
        authors = [authors]
    elif not isinstance(authors, str | list):
        authors = str(authors)
    return csl(kind if kind in _TYPES else "document", title, authors, front.get("date"), **more)

"""Web pages saved as HTML."""

from __future__ import annotations

import html
import re
from typing import Any

import lxml.etree
import lxml.html

from autonomy.tools.extract.extracted import Extracted
from autonomy.tools.extract.metadata import csl
from autonomy.tools.extract.prose import assemble, clean
from autonomy.tools.extract.text import decode

_CHARSET = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?\s*([\w.:-]{1,40})""", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>([^<]{1,500})</title", re.IGNORECASE)
_SITE = re.compile(r"\s+[-–—|·»:]\s+")
_STRAY = re.compile(r"(?<=\w)\s+([,.;:!?)\]]+)(?=\s|$)")
_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_BLOCKS = (*_HEADINGS, "p", "li", "blockquote", "td", "th", "dt", "dd", "figcaption", "div", "section", "article")
_UNSEEN = ("script", "style", "noscript", "template", "nav", "header", "footer", "form", "svg", "iframe", "pre")


def read(data: bytes) -> Extracted:
    """The main text of a page and its metadata; the whole visible text where no main text can be told."""
    # trafilatura takes a fifth of a second to import, which only those who read web pages should pay.
    import trafilatura

    declared = _CHARSET.search(data[:4096])
    page = _DECLARATION.sub("", decode(data, declared[1].decode("ascii") if declared else ""))
    found = trafilatura.bare_extraction(
        page,
        with_metadata=True,
        include_comments=False,
        # The extensive search takes any date in the text for the page's own.
        date_extraction_params={"extensive_search": False, "original_date": True},
    )
    paragraphs: list[tuple[bool, str]] = []
    about: Any = None
    if found is not None and not isinstance(found, dict):
        about = found
        paragraphs = _main(found.body)
    if not any(not heading for heading, _ in paragraphs):
        paragraphs = _visible(page)
    text = assemble(paragraph for _, paragraph in paragraphs)
    headings = [paragraph for heading, paragraph in paragraphs if heading]
    title = _title(page, clean(str(getattr(about, "title", None) or "")), headings)
    return Extracted(title, text, headings, "text/html", _metadata(about, title))


def _title(page: str, guess: str, headings: list[str]) -> str:
    """The title of the page itself, where the guess is the name of the whole site."""
    element = _TITLE.search(page)
    whole = clean(html.unescape(element[1])) if element else ""
    parts = [part for part in _SITE.split(whole) if part]
    own = next((part for part in parts if part in headings), "")
    if own or (len(parts) > 1 and (guess in parts[1:] or guess.casefold() not in whole.casefold())):
        return own or parts[0]
    return guess or (headings[0] if headings else "")


def _main(body: Any) -> list[tuple[bool, str]]:
    found: list[tuple[bool, str]] = []
    for element in body.iter("head", "p", "item", "quote", "cell"):
        inner = any(True for _ in element.iterdescendants("head", "p", "item", "quote", "cell"))
        text = clean((element.text or "") if inner else " ".join(element.itertext()))
        # The join leaves a space where markup ends before a mark: “the drop function , which”.
        text = _STRAY.sub(r"\1", text)
        if text:
            found.append((element.tag == "head", text))
    return found


def _visible(page: str) -> list[tuple[bool, str]]:
    parser = lxml.html.HTMLParser(no_network=True, remove_comments=True, remove_pis=True)
    root = lxml.html.document_fromstring(page, parser=parser)
    lxml.etree.strip_elements(root, *_UNSEEN, "title", with_tail=False)
    found: list[tuple[bool, str]] = []
    for element in root.iter("body", *_BLOCKS):
        inner = any(True for _ in element.iterdescendants(*_BLOCKS))
        text = clean(" ".join(_own_text(element)) if inner else element.text_content())
        if text:
            found.append((element.tag in _HEADINGS, text))
    return found


def _own_text(element: Any) -> list[str]:
    """The text of an element outside its blocks, which are read on their own."""
    parts = [element.text or ""]
    for child in element:
        if child.tag not in _BLOCKS and not any(True for _ in child.iterdescendants(*_BLOCKS)):
            parts.append(child.text_content())
        parts.append(child.tail or "")
    return parts


def _metadata(about: Any, title: str) -> dict[str, Any]:
    if about is None:
        return csl("webpage", title)
    more = {"URL": about.url or "", "container-title": about.sitename or ""}
    return csl("webpage", title, about.author or "", about.date, **more)

"""Parts of a service's answer, read without trust: each may be missing, of another type, or not what it should be.

A service may echo its key: what is read here holds no secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import lxml.html

from autonomy.providers import refusal
from autonomy.providers.attempt import AttemptFailed, Fault
from autonomy.providers.exchange import Reply
from autonomy.telemetry.redaction import redact_content
from autonomy.tools.extract import metadata
from autonomy.tools.extract.prose import clean

LONGEST_TEXT = 20_000  # characters of an abstract or a snippet
LONGEST_TITLE = 500
MOST_AUTHORS = 50
_DOI = re.compile(r"(?:https?://(?:dx\.)?doi\.org/|doi:\s*)?(10\.\d{4,9}/[^\s<>\"]{1,250})", re.IGNORECASE)
_HOST = re.compile(r"[\w.-]+|[0-9a-f:.]+")  # letters of all scripts, and no sign that looks like a dot or a slash
# The headings within an abstract: Crossref deposits are JATS, https://jats.nlm.nih.gov
_HEADINGS = re.compile(r"<(?:jats:)?title\b[^>]*>.*?</(?:jats:)?title\s*>", re.IGNORECASE | re.DOTALL)
_PREFIX = re.compile(r"(</?)jats:", re.IGNORECASE)
_BLOCKS = re.compile(r"</?(?:p|sec|div|li|br)\b[^>]*>", re.IGNORECASE)
_PUBLISHERS_MARK = re.compile(r"\W*(?:retracted|withdrawn)(?:\s+(?:article|paper|chapter))?\s*[:\]–—-]", re.IGNORECASE)


def answer(reply: Reply) -> dict[str, Any]:
    """The JSON object of an answer with status 200. Raises AttemptFailed for everything else."""
    require_ok(reply)
    try:
        value = json.loads(reply.body) if reply.whole else None
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise malformed(reply)
    return value


def require_ok(reply: Reply) -> None:
    if reply.status != 200:
        raise refusal.of(reply)


def malformed(reply: Reply) -> AttemptFailed:
    reason = "the answer is not in the form of search results" if reply.whole else "the answer is too large"
    return AttemptFailed(reason, Fault.MALFORMED, http_status=reply.status)


def rows(reply: Reply, value: object) -> list[dict[str, Any]]:
    """The results that are objects. A list that is missing is no empty list: it raises AttemptFailed."""
    if not isinstance(value, list):
        raise malformed(reply)
    return [row for row in value if isinstance(row, dict)]


def part(value: object, *names: str) -> Any:
    """What is found by going down these names; None where the way ends."""
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def first(value: object) -> object:
    return value[0] if isinstance(value, list) and value else None


def line(value: object) -> str:
    """Text on one line, without markup."""
    return " ".join(text(value).split())[:LONGEST_TITLE]


def text(value: object) -> str:
    """Clean text, its paragraphs parted by a blank line. HTML and JATS are taken as markup, their headings dropped."""
    if not isinstance(value, str):
        return ""
    value = value[: LONGEST_TEXT * 4]
    if "<" in value or "&" in value:
        value = _without_markup(_BLOCKS.sub("\n\n", _PREFIX.sub(r"\1", _HEADINGS.sub("\n\n", value))))
    paragraphs = (clean(paragraph) for paragraph in re.split(r"\n\s*\n", value))
    return redact_content("\n\n".join(paragraph for paragraph in paragraphs if paragraph))[:LONGEST_TEXT]


def _without_markup(value: str) -> str:
    # Neither can be in a string that the parser takes.
    value = re.sub("[\x00-\x08\x0b-\x1f\ud800-\udfff]", " ", value)
    parser = lxml.html.HTMLParser(no_network=True, remove_comments=True, remove_pis=True)
    root = lxml.html.document_fromstring(f"<div>{value}</div>", parser=parser)
    for element in root.iter("script", "style"):
        element.text = ""
    return str(root.text_content())


def doi(value: object) -> str:
    """Lower case, without `https://doi.org/` or `doi:`; empty where it is no DOI."""
    match = _DOI.fullmatch(value.strip()) if isinstance(value, str) and _is_open(value) else None
    return match[1].lower() if match else ""


def url(value: object) -> str:
    """An address a person may follow: http or https with a host; anything else is empty."""
    if not isinstance(value, str) or len(value) > 2000 or not value.isprintable() or re.search(r'[\s<>"]', value):
        return ""
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and parts.username is None and parts.port != 0
        good = good and bool(_HOST.fullmatch(parts.hostname or ""))
    except ValueError:
        return ""
    return value if good and _is_open(value) else ""


def _is_open(address: str) -> bool:
    """Without the secret in it an address would lead elsewhere: such a one is none."""
    return redact_content(address) == address


def day(value: object) -> str:
    """`2024`, `2024-3` or `2024-3-9` from CSL's `{"date-parts": [[2024, 3, 9]]}`; else empty."""
    parts = first(part(value, "date-parts"))
    numbers = [one for one in items(parts)[:3] if type(one) is int and 0 < one < 10_000]
    return "-".join(f"{one:04}" if place == 0 else str(one) for place, one in enumerate(numbers))


def year(value: object) -> str:
    return f"{value:04}" if type(value) is int and 0 < value < 10_000 else ""


def csl(kind: str, title: str, authors: Iterable[object], when: str, **more: str) -> dict[str, Any]:
    """A CSL-JSON item; what is empty is left out."""
    known = [author for author in authors if isinstance(author, Mapping) or (isinstance(author, str) and author)]
    return metadata.csl(kind, title, known[:MOST_AUTHORS], when or None, **more)


def is_marked_retracted(title: str) -> bool:
    """Publishers put it before the title: “RETRACTED: …”, “[Retracted] …”, “RETRACTED ARTICLE: …”."""
    return bool(_PUBLISHERS_MARK.match(title)) or (title.startswith("RETRACTED") and not title.isupper())

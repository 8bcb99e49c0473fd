"""The finished document in the two forms people get: Word and readable Markdown."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

from autonomy.errors import DocumentError
from autonomy.text import citations
from autonomy.tools import pandoc

# A draft is text from elsewhere: nothing in it may set metadata, name files or speak the writer's own language.
_READER = (
    "markdown-yaml_metadata_block-pandoc_title_block-raw_html-raw_tex-raw_attribute-native_divs-native_spans"
    "-fenced_divs-bracketed_spans-latex_macros-tex_math_dollars-implicit_figures-example_lists"
)
_MISSING = re.compile(r"citation (\S+) not found")
_IMAGE = re.compile(r"!\[([^\[\]]*)\](?:\([^()\s]*(?:\s+\"[^\"]*\")?\)|\[[^\[\]]*\])")
_LINKED = {
    "URL": re.compile(r"https?://[^\s<>]+", re.IGNORECASE),
    "DOI": re.compile(r"(?:https?://(?:dx\.)?doi\.org/|doi:\s*)?10\.\d{4,9}/[^\s<>]+", re.IGNORECASE),
}

# Pandoc reads what is raised or lowered a second time, without its escapes: only plain words may be.
_SCRIPT = re.compile(r"\\.|(?<!~)([\^~])[\w+−-]+\1|(?P<sign>[\^~])", re.DOTALL)


def to_docx(markdown: str, references: list[dict[str, Any]]) -> bytes:
    """A Word file with author-date citations and a list of the cited references (CSL-JSON, each with an `id`).

    Nothing is fetched and no file is read: images become their description. Raises DocumentError, also if the text
    cites a key that is not among the references.
    """
    _check(references)
    _resolve(markdown, references)
    try:
        text = _for_pandoc(markdown).encode()
    except UnicodeEncodeError as error:
        raise DocumentError(f"The Word file could not be written: {error}") from error
    with tempfile.TemporaryDirectory(prefix="autonomy-document-") as folder:
        bibliography = Path(folder) / "references.json"
        cited = [_with_good_links(item) for item in references]
        bibliography.write_text(json.dumps(cited, ensure_ascii=False), encoding="utf-8")
        written, said = pandoc.convert(
            text,
            *("--citeproc", f"--bibliography={bibliography}"),
            *("--metadata=reference-section-title:References", "--metadata=link-citations:true"),
            *(f"--from={_READER}", "--to=docx"),
            what="Word file",
            folder=Path(folder),
        )
    if missing := sorted(set(_MISSING.findall(said))):
        raise _unresolved(missing)
    if not written.startswith(b"PK"):
        raise DocumentError("Pandoc wrote something that is not a Word file")
    return written


def to_readable(markdown: str, references: list[dict[str, Any]]) -> str:
    """The Markdown with its `[@key]` citations and, at the end, the cited references in plain words.

    A field that a reference lacks is left out; a missing year is given as n.d. Raises DocumentError if the text cites
    a key that is not among the references.
    """
    _check(references)
    cited = _resolve(markdown, references)
    known = {str(item["id"]): item for item in references}
    body = markdown.rstrip()
    entries = sorted(((_entry(known[key]), key) for key in cited), key=lambda pair: pair[0].lstrip("*").casefold())
    if not entries:
        return body + "\n"
    lines = [f"- [@{key}]: {entry}" for entry, key in entries]
    return "\n".join([body, "", "## References", "", *lines, ""])


def _with_good_links(item: dict[str, Any]) -> dict[str, Any]:
    """Pandoc makes a link of any address, whatever program it starts: those that are no web page are left out."""
    return {
        name: value for name, value in item.items() if name not in _LINKED or _LINKED[name].fullmatch(str(value or ""))
    }


def _for_pandoc(markdown: str) -> str:
    text = _IMAGE.sub(r"\1", markdown).replace("![", "[")
    text = _SCRIPT.sub(lambda one: f"\\{one[0]}" if one["sign"] else one[0], text)
    return citations.with_plain_ats(text)


def _resolve(markdown: str, references: list[dict[str, Any]]) -> list[str]:
    """The keys that the text cites, once each."""
    cited = list(dict.fromkeys(citations.keys(markdown)))
    if missing := sorted(set(cited) - {str(item["id"]) for item in references}):
        raise _unresolved(missing)
    return cited


def _unresolved(keys: list[str]) -> DocumentError:
    return DocumentError(f"The text cites {', '.join(keys)}, but there is no such reference", missing=keys)


def _check(references: list[dict[str, Any]]) -> None:
    keys = [item.get("id") for item in references]
    if any(not isinstance(key, str) or not re.fullmatch(citations.KEY, key) for key in keys):
        raise DocumentError("Every reference needs an id that can stand in a citation", ids=[str(key) for key in keys])
    if len(set(keys)) < len(keys):
        raise DocumentError("Two references share an id", ids=[str(key) for key in keys])


def _entry(item: dict[str, Any]) -> str:
    authors = _plain(_authors(item.get("author")))
    title = _plain(item.get("title"))
    year = f"({_year(item.get('issued')) or 'n.d.'})"
    opening = f"{authors} {year}." if authors else f"*{title}* {year}." if title else f"{year}."
    parts = [opening]
    if authors and title:
        parts.append(f"*{title}*{'' if title[-1] in '.?!' else '.'}")
    more = filter(None, (_plain(item.get(field)) for field in ("container-title", "publisher")))
    parts.extend(value if value.endswith(".") else f"{value}." for value in more)
    address = str(item.get("URL") or "")
    if re.fullmatch(r"https?://[^\s<>]+", address):
        parts.append(f"<{address}>")
    elif doi := re.fullmatch(r"(?:doi:\s*)?(10\.\d{4,9}/[^\s<>]+)", str(item.get("DOI") or ""), re.IGNORECASE):
        parts.append(f"<https://doi.org/{doi[1]}>")
    return " ".join(parts)


def _plain(value: object) -> str:
    return citations.plain(str(value or ""))


def _authors(people: object) -> str:
    names: list[str] = []
    for person in people if isinstance(people, list) else []:
        if isinstance(person, dict):
            parts = (person.get("given"), person.get("non-dropping-particle"), person.get("family"))
            names.append(str(person.get("literal") or " ".join(str(part) for part in parts if part)))
    names = [name for name in names if name.strip()]
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _year(issued: object) -> str:
    parts = issued.get("date-parts") if isinstance(issued, dict) else None
    first = parts[0] if isinstance(parts, list) and parts else None
    return str(first[0]) if isinstance(first, list) and first and first[0] else ""

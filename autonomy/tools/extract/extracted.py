"""What reading a file yields."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Extracted:
    """The plain text of one file and the metadata the file itself carries.

    `text` is NFC, its paragraphs are separated by one blank line, and headings are paragraphs of their own.
    `title` falls back to the first heading and then to the file's name; `csl` holds CSL-JSON fields without an
    `id`, and only what stands in the file.
    """

    title: str
    text: str
    headings: list[str]
    media_type: str
    csl: dict[str, Any] = field(default_factory=dict)

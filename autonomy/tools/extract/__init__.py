"""Reading an uploaded file as text: one module per format, one way in."""

from __future__ import annotations

import importlib
import threading
import warnings
from dataclasses import replace
from pathlib import PurePath
from typing import cast

from autonomy.errors import UnreadableSource
from autonomy.tools.extract import limits
from autonomy.tools.extract.extracted import Extracted
from autonomy.tools.extract.prose import clean

__all__ = ["SUPPORTED", "Extracted", "extract"]

_FORMATS = {
    ".txt": ("text", "text file"),
    ".md": ("markdown", "Markdown file"),
    ".html": ("html", "web page"),
    ".htm": ("html", "web page"),
    ".pdf": ("pdf", "PDF"),
    ".docx": ("docx", "Word file"),
}
SUPPORTED = tuple(_FORMATS)
# The warning filters are global, and a second thread would restore them at the wrong moment.
_ONE_AT_A_TIME = threading.Lock()


def extract(filename: str, data: bytes) -> Extracted:
    """Read a file by the ending of its name. Raises UnreadableSource with a sentence that says why it cannot be."""
    path = PurePath(filename.replace("\\", "/"))
    suffix = path.suffix.lower()
    if suffix not in _FORMATS:
        called = f"of type {suffix}" if suffix else "without an ending"
        raise UnreadableSource(f"Files {called} are not supported; use {', '.join(SUPPORTED)}")
    if not data.strip():
        raise UnreadableSource("The file is empty")
    if len(data) > limits.MAX_BYTES:
        raise UnreadableSource(f"The file is too large: {len(data):,} bytes, the limit is {limits.MAX_BYTES:,}")
    module, kind = _FORMATS[suffix]
    reader = importlib.import_module(f"{__name__}.{module}")
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = cast(Extracted, reader.read(data))
        except (UnreadableSource, ImportError):
            raise
        except Exception as error:  # parsers of broken files raise almost anything
            reason = clean(str(error))[:160] or type(error).__name__
            raise UnreadableSource(f"The {kind} is damaged: {reason}") from error
    if found.title:
        return found
    return replace(found, title=clean(path.stem.replace("_", " ").replace("-", " ")) or path.name)

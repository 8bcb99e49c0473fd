"""The document as a PDF: the Word file that was handed off, set by Typst. What the one says, the other says."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path

from autonomy.errors import DocumentError, NoPdf
from autonomy.tools import pandoc

_HERE = Path(__file__).parent
_SECONDS = 30
_BYTES = 2 * 2**30
_ELSE = "The Word file and the Markdown have the whole text."
# A proxy that nobody is: Typst would fetch packages.
_NOWHERE = "http://127.0.0.1:9"
_PROXIES = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"), _NOWHERE)


def to_pdf(word_file: bytes, *, written_at: datetime) -> bytes:
    """A tagged PDF (PDF/UA-1) with text, citations and references of the Word file, and no other.

    The same Word file and time give the same bytes. Raises NoPdf, also where no font on this machine has a letter of
    the text: a page with an empty box in its place would not say the same.
    """
    with tempfile.TemporaryDirectory(prefix="autonomy-pdf-") as folder:
        return _set(_as_typst(word_file, Path(folder)), written_at, Path(folder))


def _as_typst(word_file: bytes, folder: Path) -> bytes:
    try:
        written, _ = pandoc.convert(
            word_file,
            *("--from=docx+styles", "--to=typst-smart", "--wrap=none"),
            *(f"--lua-filter={_HERE / 'plain.lua'}", f"--template={_HERE / 'page.typ'}"),
            what="PDF",
            folder=folder,
        )
    except DocumentError as error:
        raise NoPdf(f"{error.message}. {_ELSE}") from error
    return written


def _set(typst: bytes, written_at: datetime, folder: Path) -> bytes:
    """Typst compiled by a process of its own, which sees an empty folder and no network."""
    bounds = (str(int(written_at.timestamp())), str(_SECONDS), str(_BYTES))
    try:
        done = subprocess.run(  # noqa: S603 -- our own program; the text arrives on standard input
            [sys.executable, "-I", str(_HERE / "typesetter.py"), *bounds],
            input=typst,
            capture_output=True,
            timeout=_SECONDS,
            cwd=folder,
            env={"HOME": str(folder), **_PROXIES},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NoPdf(f"Setting the PDF took longer than {_SECONDS} seconds and was stopped. {_ELSE}") from error
    except OSError as error:
        raise NoPdf(f"The PDF could not be set: {error}. {_ELSE}") from error
    if done.returncode or not is_whole(done.stdout):
        raise NoPdf(_in_words(done.stderr.decode("utf-8", "replace")))
    return done.stdout


def is_whole(pdf: bytes) -> bool:
    return pdf.startswith(b"%PDF-") and pdf.rstrip().endswith(b"%%EOF")


def _in_words(said: str) -> str:
    *_, last = [line for line in said.splitlines() if line.strip()] or [""]
    if "could not be displayed" in last:
        letter = last.split("`")[1].strip('"') if last.count("`") > 1 else "?"
        return f"The PDF would show an empty box for “{letter}”: no font on the server has it. {_ELSE}"
    why = last[:300] or "it ended without a word, perhaps at its bound of time or memory"
    return f"The PDF could not be set: {why}. {_ELSE}"

"""Pandoc, bounded: it gets its text on standard input and reads no other file than those it is named."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pypandoc

from autonomy.errors import DocumentError

_SECONDS = 30
_HEAP = "-M1G"


def convert(given: bytes, *arguments: str, what: str, folder: Path) -> tuple[bytes, str]:
    """What pandoc wrote, and what it said. `what` names the result for people. Raises DocumentError."""
    command = [pypandoc.get_pandoc_path(), "+RTS", _HEAP, "-RTS", "--sandbox", "--standalone", *arguments, "--output=-"]
    try:
        done = subprocess.run(  # noqa: S603 -- a fixed command; the draft arrives on standard input
            command, input=given, capture_output=True, timeout=_SECONDS, cwd=folder, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise DocumentError(f"Writing the {what} took longer than {_SECONDS} seconds and was stopped") from error
    except OSError as error:
        raise DocumentError(f"The {what} could not be written: {error}") from error
    said = done.stderr.decode("utf-8", "replace")
    if done.returncode:
        raise DocumentError(f"Pandoc could not write the {what}: {' '.join(said.split())[:300] or done.returncode}")
    return done.stdout, said

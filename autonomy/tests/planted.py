"""Secrets to plant in settings, and the search for them in whatever a test can get hold of."""

from __future__ import annotations

import base64
import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any
from urllib.parse import quote

PIECE = 9  # characters that nobody writes by chance


class Secrets(dict[str, str]):
    """A secret for each name, made when it is first asked for: unlike any other, and with what has to be escaped."""

    def __missing__(self, name: str) -> str:
        made = self[name] = f"sk/{sha256(name.encode()).hexdigest()[:24]}+="
        return made

    def told(self) -> str:
        """All of them, as one may echo them: plain, in a URL, in base64."""
        return " ".join(
            f"{one} {quote(one, safe='')} {base64.b64encode(f'user:{one}'.encode()).decode()}" for one in self.values()
        )

    def among(self, *found: Any) -> set[str]:
        """The names of those of which a part stands in any of this: texts, bytes, packed files, exceptions' texts."""
        blobs = [blob for one in found for blob in _unpacked(one)]
        return {
            name for name, value in self.items() for blob in blobs if any(piece in blob for piece in _pieces(value))
        }


def _pieces(secret: str) -> Iterator[bytes]:
    core = secret[3:-2].encode()
    for part in (core[:PIECE], core[-PIECE:]):
        yield part
        yield part.hex().encode()
    for before in range(3):
        yield base64.b64encode(b"\0" * before + core)[4:-4]


def _unpacked(found: Any) -> Iterable[bytes]:
    if isinstance(found, memoryview):
        found = bytes(found)
    if not isinstance(found, bytes):
        found = str(found).encode(errors="surrogatepass")
    yield found
    if zipfile.is_zipfile(io.BytesIO(found)):
        with zipfile.ZipFile(io.BytesIO(found)) as packed:
            for name in packed.namelist():
                yield name.encode()
                yield packed.read(name)
    elif found[:1] == b"\x78":
        try:
            yield zlib.decompress(found)
        except zlib.error:
            return

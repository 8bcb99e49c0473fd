"""How large a source may be. A source past a limit is refused, never cut short."""

from __future__ import annotations

MAX_BYTES = 20 * 1024 * 1024
MAX_PAGES = 2000
MAX_CHARS = 2_000_000
MAX_UNZIPPED_BYTES = 64 * 1024 * 1024
MAX_ZIP_ENTRIES = 5000

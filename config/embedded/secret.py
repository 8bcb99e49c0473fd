"""The key that signs sessions: made once, kept in the data folder."""

from __future__ import annotations

import fcntl
import os
import secrets
from pathlib import Path


def secret_key(data_dir: Path) -> str:
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        handle = os.fdopen(os.open(data_dir / "secret_key", os.O_RDWR | os.O_CREAT, 0o600), "r+")
    except OSError:
        # Nowhere to keep one. Commands that need no service (`check`, `collectstatic`) work all the same; the others
        # stop in Plan.ensure(), which needs the folder too.
        return secrets.token_urlsafe(50)
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        key = handle.read().strip()
        if not key:
            key = secrets.token_urlsafe(50)
            handle.write(key)
            handle.flush()
            os.fsync(handle.fileno())
        return key

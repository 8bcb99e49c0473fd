"""Advisory locks on files. The kernel frees them when a process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def try_lock(path: Path, *, shared: bool = False) -> int | None:
    """An open descriptor that holds the lock until it is closed, or None when somebody else has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def is_free(path: Path, *, shared: bool = False) -> bool:
    descriptor = try_lock(path, shared=shared)
    if descriptor is None:
        return False
    os.close(descriptor)
    return True


def is_same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False

"""The data folder that a demo has to itself."""

from __future__ import annotations

import shutil
from pathlib import Path

from django.core.management.base import CommandError

from config.embedded.folders import Folders
from config.embedded.locks import is_free


def clear(data_dir: Path) -> None:
    """Begin afresh: what the last demo left behind in queues and quotas would spoil this one. Raises CommandError."""
    if not data_dir.exists():
        return
    if not is_free(Folders.of(data_dir).in_use):
        raise CommandError(f"Somebody is using {data_dir}: wait until the other demo has ended.")
    shutil.rmtree(data_dir)

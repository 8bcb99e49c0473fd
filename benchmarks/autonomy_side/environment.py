"""The environment Autonomy is measured in: its defaults, but for where things are and how much is said."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def environment(*, database_url: str, redis_url: str, data_dir: Path, processes: int) -> dict[str, str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AUTONOMY_", "V2_", "TURNITIN_", "DJANGO_", "OPENAI_"))
    }
    return inherited | {
        "DJANGO_SETTINGS_MODULE": "benchmarks.autonomy_side.settings",
        "DJANGO_SECRET_KEY": secrets.token_urlsafe(50),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "DATA_DIR": str(data_dir),
        "AUTONOMY_WORKER_CONCURRENCY": str(processes),
        "AUTONOMY_RUNNING_PER_USER": "100000",  # one user starts all
        "AUTONOMY_LOG_LEVEL": "WARNING",
    }

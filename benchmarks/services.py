"""One Postgres and one Redis for all subjects: the embedded ones, as they are, in a data folder that is removed."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

import psycopg
from psycopg import sql

from config import embedded

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = "bench_template"


class Services:
    """Started when made; they end, and their folder goes, with this process."""

    def __init__(self) -> None:
        parent = ROOT / ".local"
        parent.mkdir(exist_ok=True)
        self.data_dir = Path(tempfile.mkdtemp(prefix="bench-", dir=parent))
        atexit.register(shutil.rmtree, self.data_dir, ignore_errors=True)
        self._plan = embedded.Plan.of(data_dir=self.data_dir, postgres=True, redis=True)
        self._plan.ensure()

    def database(self, name: str, *, template: str = "template0") -> str:
        """The URL of a fresh database. What others left to be written to disk is written first."""
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as connection:
            names = sql.Identifier(name), sql.Identifier(template)
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(names[0]))
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
            connection.execute("CHECKPOINT")
        return self.url_of(name)

    def url_of(self, database: str) -> str:
        return self._plan.database_url.replace("/autonomy?", f"/{database}?")

    def redis(self, number: int) -> str:
        return self._plan.redis_url.replace("db=0", f"db={number}")

"""What is embedded and where it answers. Making a plan starts nothing; `ensure` does."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from config.embedded import membership
from config.embedded.folders import Folders, objection_to
from config.embedded.ping import redis_answers

DATABASE = "autonomy"


@dataclass(frozen=True)
class Plan:
    folders: Folders
    postgres: bool
    redis: bool

    @classmethod
    def of(cls, *, data_dir: Path, postgres: bool, redis: bool) -> Plan:
        return cls(Folders.of(data_dir), postgres, redis)

    @property
    def database_url(self) -> str:
        return self._database_url(DATABASE)

    @property
    def redis_url(self) -> str:
        return f"unix://{quote(str(self.folders.redis_socket))}?db=0"

    @property
    def services(self) -> frozenset[str]:
        return frozenset(name for name, wanted in (("postgres", self.postgres), ("redis", self.redis)) if wanted)

    def ensure(self) -> None:
        """Start what is wanted and does not run, and return when it answers. Any number of processes may call this.

        The services live as long as one process that called it. Raises ImproperlyConfigured with a sentence.
        """
        if self.services:
            membership.join(self.folders, self.services, self._answers)

    def _answers(self) -> bool:
        try:
            # Before anything is said to a socket: nobody else may have put it there.
            if objection_to(self.folders.sockets):
                return False
        except FileNotFoundError:
            return False
        if self.redis and not redis_answers(self.folders.redis_socket):
            return False
        return not self.postgres or self._postgres_answers()

    def _postgres_answers(self) -> bool:
        """Whether it does; our database is made here when it is missing."""
        import psycopg
        from psycopg import sql

        if not (self.folders.sockets / ".s.PGSQL.5432").exists():
            return False
        try:
            with psycopg.connect(self._database_url("postgres"), autocommit=True, connect_timeout=5) as connection:
                found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
                if not found:
                    # Somebody else may be making it at this very moment.
                    with contextlib.suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        except psycopg.OperationalError:
            return False
        return True

    def _database_url(self, database: str) -> str:
        # The port names the socket; said here so that a PGPORT of the environment cannot change it.
        return f"postgresql://postgres@:5432/{database}?host={quote(str(self.folders.sockets))}"

"""Where the embedded services keep things: a data folder that lasts, and a short-lived folder for their sockets."""

from __future__ import annotations

import hashlib
import os
import pwd
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

# PostgreSQL refuses to run as root; then it runs as this user, which the wheel makes.
POSTGRES_ACCOUNT = "pgserver"


@dataclass(frozen=True)
class Folders:
    data: Path

    @classmethod
    def of(cls, data_dir: Path) -> Folders:
        return cls(data_dir.expanduser().resolve())

    @property
    def sockets(self) -> Path:
        """Short, because a socket's path has at most about 100 characters, and the same for every process.

        TMPDIR is not asked: it differs between the terminals of one person.
        """
        short = Path("/tmp")  # noqa: S108
        parent = short if os.access(short, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())
        return parent / f"autonomy-{os.getuid()}-{hashlib.sha256(os.fsencode(self.data)).hexdigest()[:10]}"

    @property
    def redis_socket(self) -> Path:
        return self.sockets / "redis.sock"

    @property
    def in_use(self) -> Path:
        """Held (shared) by every process that uses the services, and (exclusively) while they are being stopped."""
        return self.data / "in-use.lock"

    @property
    def guarded(self) -> Path:
        """Held by the guardian, from before it is started until it has ended."""
        return self.data / "guardian.lock"

    @property
    def log(self) -> Path:
        return self.data / "embedded.log"

    @property
    def failure(self) -> Path:
        """Why the last guardian gave up, for those who wait for it."""
        return self.data / "embedded.failed"

    def wanted(self, service: str) -> Path:
        """Present while somebody wants this service."""
        return self.data / f"{service}.wanted"


def make_sockets_folder(folders: Folders) -> None:
    folders.sockets.mkdir(mode=0o700, exist_ok=True)
    if objection := objection_to(folders.sockets):
        raise PermissionError(objection)


def objection_to(sockets: Path) -> str | None:
    """The services ask nobody for a password: their sockets must lie in a folder that is ours alone."""
    found = sockets.lstat()
    owners = {os.getuid()}
    if os.geteuid() == 0:
        owners |= {entry.pw_uid for entry in pwd.getpwall() if entry.pw_name == POSTGRES_ACCOUNT}
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in owners or found.st_mode & 0o077:
        return f"{sockets} is not a private folder of this user. Remove it, or choose another DATA_DIR."
    return None

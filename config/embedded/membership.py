"""How a process says that it uses the embedded services, and how it leaves.

A member holds a shared lock for its life; so the kernel knows, even after a kill, whether anybody is left. Beside the
services stands one guardian (guardian.py), which starts them, mends them, and stops them with the last member.
"""

from __future__ import annotations

import atexit
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from config.embedded.folders import Folders
from config.embedded.locks import is_free, try_lock

PATIENCE_TO_JOIN = 180.0
PATIENCE_TO_LEAVE = 10.0
PAUSE = 0.03
STARTS = 3

_one_at_a_time = threading.Lock()
# Forked children inherit the descriptors, and with them the membership.
_memberships: dict[Path, int] = {}


def join(folders: Folders, services: Iterable[str], answers: Callable[[], bool]) -> None:
    with _one_at_a_time:
        try:
            folders.data.mkdir(parents=True, exist_ok=True)
            deadline = time.monotonic() + PATIENCE_TO_JOIN
            _become_a_member(folders, deadline)
            _wait_for(folders, services, answers, deadline)
        except OSError as error:
            raise ImproperlyConfigured(
                f"The data folder {folders.data} cannot be used ({error.strerror or error}). "
                "Choose another with DATA_DIR, or set DATABASE_URL and REDIS_URL."
            ) from error


def _become_a_member(folders: Folders, deadline: float) -> None:
    """Waits while a guardian is stopping the services: it holds the lock exclusively until it has ended."""
    held = _memberships.get(folders.data)
    if held is not None:
        return
    while (descriptor := try_lock(folders.in_use, shared=True)) is None:
        if time.monotonic() > deadline:
            raise ImproperlyConfigured(
                f"The embedded services of {folders.data} are being stopped and do not end.{_last_lines(folders.log)}"
            )
        time.sleep(PAUSE)
    _memberships[folders.data] = descriptor
    atexit.register(_leave, folders, os.getpid())


def _wait_for(folders: Folders, services: Iterable[str], answers: Callable[[], bool], deadline: float) -> None:
    starts = 0
    tried = False
    while True:
        # In this order: a guardian writes why it fails, and frees its lock afterwards.
        if tried and folders.failure.exists():
            raise ImproperlyConfigured(folders.failure.read_text())
        for service in services:
            folders.wanted(service).touch()
        if (lock := try_lock(folders.guarded)) is not None:
            starts += 1
            if starts > STARTS:
                os.close(lock)
                raise ImproperlyConfigured(f"The embedded services ended unexpectedly.{_last_lines(folders.log)}")
            _start_guardian(folders, lock)
        tried = True
        if answers():
            return
        if time.monotonic() > deadline:
            raise ImproperlyConfigured(f"The embedded services do not answer.{_last_lines(folders.log)}")
        time.sleep(PAUSE)


def _start_guardian(folders: Folders, lock: int) -> None:
    """Hands our lock on to it: so there is never a second one."""
    folders.failure.unlink(missing_ok=True)
    try:
        with folders.log.open("ab") as log:
            ended = subprocess.run(  # noqa: S603
                [sys.executable, "-m", "config.embedded", str(folders.data), str(lock)],
                cwd=Path(__file__).resolve().parents[2],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[lock],
                start_new_session=True,
                check=False,
            )
    finally:
        os.close(lock)
    if ended.returncode != 0:
        raise ImproperlyConfigured(f"The embedded services could not be started.{_last_lines(folders.log)}")


def _leave(folders: Folders, member: int) -> None:
    """The last one waits until all is stopped, so that a command that has ended leaves nothing running."""
    descriptor = _memberships.get(folders.data)
    if descriptor is None or os.getpid() != member:
        return
    del _memberships[folders.data]
    # Closed and not unlocked: unlocking would take the lock from our forked children too.
    os.close(descriptor)
    deadline = time.monotonic() + PATIENCE_TO_LEAVE
    replaced = False
    while time.monotonic() < deadline and folders.data.is_dir() and not _others_use(folders):
        lock = try_lock(folders.guarded)
        if lock is not None and folders.sockets.exists() and not replaced:
            # It was killed, and the services may still run: a new one stops them.
            replaced = True
            _start_guardian(folders, lock)
        elif lock is not None:
            os.close(lock)
            return
        time.sleep(PAUSE)


def _others_use(folders: Folders) -> bool:
    """Asked three times: another one who leaves may be asking just now, and holds the lock while it does."""
    for _ in range(3):
        if not is_free(folders.in_use, shared=True) or is_free(folders.in_use):
            return False
        time.sleep(random.uniform(0.002, 0.01))  # noqa: S311
    return True


def _last_lines(log: Path, count: int = 15) -> str:
    try:
        lines = log.read_text(errors="replace").splitlines()[-count:]
    except OSError:
        return ""
    return f" The last lines of {log}:\n" + "\n".join(lines) if lines else ""

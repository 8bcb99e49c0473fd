"""The process beside the embedded services: starts the wanted ones, mends them, stops them with their last user.

It knows no Django. It is never needed for an answer: when it is killed the services go on, and the next process that
wants them starts another guardian, which takes them over.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import sys
import time
from types import FrameType

from config.embedded.folders import Folders, make_sockets_folder
from config.embedded.locks import is_same_file, try_lock
from config.embedded.postgres_server import PostgresServer
from config.embedded.redis_server import RedisServer
from config.embedded.server import Server, ServerFailed

LOOK_EVERY = 0.1

log = logging.getLogger("guardian")


def guard(folders: Folders, lock: int) -> None:
    logging.basicConfig(format="%(asctime)s %(name)s %(process)d: %(message)s", level=logging.INFO)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)
    servers: list[Server] = [RedisServer(folders), PostgresServer(folders)]
    nobody_else: int | None = None
    try:
        make_sockets_folder(folders)
    except OSError as error:
        _give_up(folders, error)
        return
    try:
        while is_same_file(lock, folders.guarded) and (nobody_else := try_lock(folders.in_use)) is None:
            for server in servers:
                if folders.wanted(server.name).exists() and not server.runs():
                    _start(server)
            time.sleep(LOOK_EVERY)
    except (ServerFailed, OSError) as error:
        _give_up(folders, error)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _stop(folders, servers)
    # Held until here: who wants the services now waits for this, and starts them afresh.
    if nobody_else is not None:
        os.close(nobody_else)


def _end(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def _give_up(folders: Folders, error: Exception) -> None:
    log.error("giving up", exc_info=error)
    with contextlib.suppress(FileNotFoundError):
        folders.failure.write_text(str(error))


def _start(server: Server) -> None:
    log.info("%s: starting", server.name)
    try:
        server.start()
    except ServerFailed as error:
        if not server.has_answered:
            raise
        # It did work a moment ago and somebody is using it: keep trying.
        log.error("%s", error)
    else:
        log.info("%s: answers", server.name)


def _stop(folders: Folders, servers: list[Server]) -> None:
    for server in servers:
        if server.runs():
            server.stop()
            log.info("%s: stopped", server.name)
        folders.wanted(server.name).unlink(missing_ok=True)
    shutil.rmtree(folders.sockets, ignore_errors=True)

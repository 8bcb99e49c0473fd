"""A Redis server of a test's own, to be killed, frozen and made useless."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.embedded.folders import Folders, make_sockets_folder
from config.embedded.redis_server import RedisServer


class Server:
    """A Redis of the test's own, to be killed and frozen."""

    def __init__(self, folder: Path) -> None:
        self.folders = Folders.of(folder)
        make_sockets_folder(self.folders)
        self._server = RedisServer(self.folders)
        self.start()

    @property
    def address(self) -> dict[str, Any]:
        return {"unix_socket_path": str(self.folders.redis_socket)}

    @property
    def options(self) -> dict[str, Any]:
        return self.address | {"retry": Retry(NoBackoff(), 0)}

    def client(self) -> redis.Redis:
        return redis.Redis(**self.options)

    def start(self) -> None:
        self._server.start()

    def signal(self, number: signal.Signals) -> None:
        pid = self._server.recorded_pid()
        assert pid
        os.kill(pid, number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        while self._server.runs():
            time.sleep(0.01)

    def end(self) -> None:
        if self._server.runs():
            self.kill()
        shutil.rmtree(self.folders.sockets)


def lose(server: Server, way: str) -> None:
    match way:
        case "killed":
            server.kill()
        case "frozen":
            server.signal(signal.SIGSTOP)
        case "read only":
            server.client().replicaof("127.0.0.1", 1)
        case "no memory":
            server.client().config_set("maxmemory", 1)
        case "not Redis":
            server.kill()
            talk_nonsense(server.folders.redis_socket)


def regain(server: Server, way: str) -> None:
    match way:
        case "killed":
            server.start()
        case "frozen":
            server.signal(signal.SIGCONT)
        case "read only":
            server.client().replicaof("NO", "ONE")
        case "no memory":
            server.client().config_set("maxmemory", 0)


def talk_nonsense(path: Path) -> None:
    """Answers everything on this socket with a web page, until the test's process ends."""
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen()

    def serve() -> None:
        with listening:
            talking, _ = listening.accept()
            with talking:
                while talking.recv(65536):
                    talking.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n<html>")

    threading.Thread(target=serve, daemon=True).start()

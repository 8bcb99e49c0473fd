"""The connection to one client, and what can be done to it."""

from __future__ import annotations

import socket
import struct
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler

from autonomy.demo.stage.reply import Reply


class Wire:
    """`closing` is set when the stage ends: nothing is held any longer."""

    def __init__(self, handler: BaseHTTPRequestHandler, closing: threading.Event) -> None:
        self._handler = handler
        self._closing = closing

    def send(self, reply: Reply, *, length: int | None = None) -> None:
        """`length` is what Content-Length says, if not the truth."""
        try:
            usual = HTTPStatus(reply.status).phrase
        except ValueError:
            usual = "Unassigned"
        lines = [f"HTTP/1.1 {reply.status} {reply.reason or usual}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in reply.headers.items()]
        lines.append(f"Content-Length: {len(reply.body) if length is None else length}")
        head = "\r\n".join(" ".join(line.splitlines()) for line in lines)
        self.write(head.encode("latin-1", "replace") + b"\r\n\r\n" + reply.body)

    def write(self, part: bytes) -> None:
        self._handler.wfile.write(part)

    def hold(self, seconds: float | None) -> bool:
        """Do nothing for so long, or without end; True when the stage has closed."""
        return self._closing.wait(seconds)

    def reset(self) -> None:
        """Break the connection off, so that the client sees an error and not an end."""
        connection: socket.socket = self._handler.connection
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # The socket is closed only when no file on it is open.
        self._handler.rfile.close()
        connection.close()

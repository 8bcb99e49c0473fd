"""The HTTP server: a thread for each request, none of them left when it closes."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from turnitin.stage.request import Request

LOOK_EVERY = 0.02


class Listener(ThreadingMixIn, HTTPServer):
    """On 127.0.0.1 from `start` to `close`."""

    request_queue_size = 128

    def __init__(self, port: int, answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.close_connection = True
                answer(self)

            do_GET = do_PUT = do_DELETE = do_POST

            def log_message(self, format: str, *args: Any) -> None:
                """What was asked is kept by the stage."""

        super().__init__(("127.0.0.1", port), Handler)
        self._working: dict[threading.Thread, socket.socket] = {}
        self._thread = threading.Thread(
            target=self.serve_forever, args=(LOOK_EVERY,), name="turnitin-stage", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Break off what is not answered."""
        self.shutdown()
        self._thread.join()
        self.server_close()
        for thread, connection in self._working.items():
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Like the mixin's; but the threads are known, and do not keep a program from ending."""
        self._working = {thread: one for thread, one in self._working.items() if thread.is_alive()}
        thread = threading.Thread(
            target=self.process_request_thread, args=(request, client_address), name="turnitin-stage-call", daemon=True
        )
        thread.start()
        self._working[thread] = request

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone is nobody's mistake here."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def read(handler: BaseHTTPRequestHandler) -> Request:
    """What was asked, with its whole path. Raises ConnectionError if the client goes before it has sent all."""
    address = urlsplit(handler.path)
    length = int(handler.headers.get("Content-Length") or 0)
    body = handler.rfile.read(length)
    if len(body) < length:
        raise ConnectionError("The client has gone.")
    return Request(
        method=handler.command,
        path=unquote(address.path),
        query=dict(parse_qsl(address.query, keep_blank_values=True)),
        headers={name.lower(): value for name, value in handler.headers.items()},
        body=body,
    )

"""The server: one for any number of providers, each under a path of its own name."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from autonomy.demo.stage.anthropic import Anthropic
from autonomy.demo.stage.gemini import Gemini
from autonomy.demo.stage.openai import OpenAI
from autonomy.demo.stage.provider import Provider
from autonomy.demo.stage.reply import Reply
from autonomy.demo.stage.request import Request
from autonomy.demo.stage.scholarly import Arxiv, Crossref, OpenAlex, SemanticScholar
from autonomy.demo.stage.turn import Turn
from autonomy.demo.stage.vendor import Vendor
from autonomy.demo.stage.web import Brave, SearXNG, Serper, Tavily
from autonomy.demo.stage.wire import Wire

LOOK_EVERY = 0.02
VENDORS: tuple[Vendor, ...] = (
    OpenAI(), Anthropic(), Gemini(), Crossref(), OpenAlex(), SemanticScholar(), Arxiv(), Tavily(), Brave(), Serper(),
    SearXNG(),
)  # fmt: skip


class Stage:
    """Listens on 127.0.0.1 from `start` to `close`, on a free port unless one is given. Also a context manager."""

    def __init__(self, port: int = 0) -> None:
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._providers: dict[str, Provider] = {}
        self._server = _Server(("127.0.0.1", port), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(LOOK_EVERY,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def at(self, name: str) -> str:
        """The root of this provider's addresses."""
        return f"{self.url}/{name}"

    def provider(self, name: str) -> Provider:
        """The provider of this name; there is one as soon as it is asked for, be it here or by a request."""
        with self._lock:
            return self._providers.setdefault(name, Provider(name))

    def start(self) -> Self:
        self._thread.start()
        return self

    def close(self) -> None:
        """Listen no longer, and let go of every request that is held."""
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        request = _read(handler)
        wire = Wire(handler, self._closing)
        provider = self.provider(request.provider)
        fault = provider.take(request)
        provider.before(request)
        fitting = [vendor for vendor in VENDORS if vendor.serves(request)]
        if not fitting:
            wire.send(Reply.text(404, f"No vendor has the address {request.method} {request.path}."))
            return
        # Two may share an address: then the provider's name decides.
        vendor = next((one for one in fitting if one.name == provider.name), fitting[0])
        fault.play(Turn(request, vendor, wire, provider.writes))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # many sections may be asked for at once

    def handle_error(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        """A client that has gone is nobody's mistake here."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def _handler(stage: Stage) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.close_connection = True
            stage.answer(self)

        do_GET = do_POST

        def log_message(self, format: str, *args: Any) -> None:
            """What was asked is kept by the provider."""

    return Handler


def _read(handler: BaseHTTPRequestHandler) -> Request:
    address = urlsplit(handler.path)
    _, name, *rest = unquote(address.path).split("/", 2)
    length = int(handler.headers.get("Content-Length") or 0)
    body = None
    with contextlib.suppress(ValueError):
        body = json.loads(handler.rfile.read(length) if length else b"null")
    return Request(
        provider=name,
        method=handler.command,
        path="/" + "/".join(rest),
        query=dict(parse_qsl(address.query, keep_blank_values=True)),
        headers={header.lower(): value for header, value in handler.headers.items()},
        body=body,
        at=time.monotonic(),
    )

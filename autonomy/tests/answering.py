"""A server on this machine that gives one answer, whatever it is asked, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pydantic import SecretStr

from autonomy.ports import ModelRequest
from config.language_models import LanguageModelSpec

KEY = "sk-test-1234567890"
GOOD = {"title": "Sea walls"}
REQUEST = ModelRequest("plan", "Name it.", {"topic": "Sea walls"}, {"type": "object"}, max_output_tokens=200)


@dataclass
class Asked:
    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class Answering:
    url: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    asked: list[Asked] = field(default_factory=list)

    def spec(self, kind: str, **given: Any) -> LanguageModelSpec:
        """A model at this server, with a key."""
        return LanguageModelSpec.model_validate(
            {"kind": kind, "base_url": self.url, "model": "stage-1", **given}
        ).model_copy(update={"key": SecretStr(KEY)})


@contextmanager
def answering() -> Iterator[Answering]:
    state = Answering()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.asked.append(Asked(self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            answer = state.body if isinstance(state.body, str) else json.dumps(state.body)
            self.send_response(state.status)
            for name, value in state.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.encode())

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()

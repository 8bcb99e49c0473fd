"""A local server that answers as the search services do."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

# What an answer is: status, headers, and JSON or text.
Answer = tuple[int, dict[str, str], Any]
SERVICES = ("crossref", "openalex", "semantic_scholar", "arxiv", "tavily", "brave", "serper", "searxng")


class SearchStage:
    """`answers` has a function for each service: from what was asked (parameters or body) to the answer."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[dict[str, Any]], Answer]] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.headers: list[dict[str, str]] = []
        stage = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                _, service, *_ = urlsplit(self.path).path.split("/")
                self.answer(service, {name: one[0] for name, one in parse_qs(urlsplit(self.path).query).items()})

            def do_POST(self) -> None:
                _, service, *_ = self.path.split("/")
                self.answer(service, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def answer(self, service: str, asked: dict[str, Any]) -> None:
                stage.asked.append((service, asked | {"path": urlsplit(self.path).path}))
                stage.headers.append({name.lower(): value for name, value in self.headers.items()})
                status, headers, body = stage.answers[service](asked)
                data = (body if isinstance(body, str) else json.dumps(body)).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/{service}"

    def says(self, service: str, body: Any, status: int = 200, **headers: str) -> None:
        self.answers[service] = lambda asked: (status, headers, body)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def crossref(*works: dict[str, Any]) -> dict[str, Any]:
    return {"status": "ok", "message": {"items": list(works)}}


def crossref_work(doi: str, title: str, abstract: str = "", **more: Any) -> dict[str, Any]:
    return {
        "DOI": doi,
        "URL": f"https://doi.org/{doi}",
        "title": [title],
        "author": [{"given": "Ada", "family": "Marsh"}],
        "container-title": ["Journal of Shores"],
        "issued": {"date-parts": [[2023, 5]]},
        "type": "journal-article",
        "publisher": "Shore Press",
        **({"abstract": f"<jats:title>Abstract</jats:title><jats:p>{abstract}</jats:p>"} if abstract else {}),
        **more,
    }


def atom(*entries: str) -> str:
    feed = 'xmlns="http://www.w3.org/2005/Atom" xmlns:arxiv="http://arxiv.org/schemas/atom"'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<feed {feed}><title>q</title>{"".join(entries)}</feed>'


def atom_entry(number: str, title: str, summary: str, more: str = "") -> str:
    return (
        f"<entry><id>http://arxiv.org/abs/{number}v2</id><title>{title}</title><summary>{summary}</summary>"
        f"<published>2024-02-03T00:00:00Z</published><author><name>Ada Marsh</name></author>{more}</entry>"
    )

"""A local server that answers as the search services do."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from autonomy.tests import local_server
from autonomy.tests.local_server import LocalServer

# What an answer is: status, headers, and JSON or text.
Answer = tuple[int, dict[str, str], Any]
SERVICES = ("crossref", "openalex", "semantic_scholar", "arxiv", "tavily", "brave", "serper", "searxng")


class SearchStage:
    """`answers` has a function for each service: from what was asked (parameters or body) to the answer."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[dict[str, Any]], Answer]] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.headers: list[dict[str, str]] = []
        self._server = LocalServer(self._answer)
        self.close = self._server.close

    def _answer(self, asked: local_server.Asked) -> local_server.Answer:
        address = urlsplit(asked.path)
        _, service, *_ = address.path.split("/")
        said = asked.json if asked.body else {name: one[0] for name, one in parse_qs(address.query).items()}
        self.asked.append((service, said | {"path": address.path}))
        self.headers.append(asked.headers)
        status, headers, body = self.answers[service](said)
        return status, headers, (body if isinstance(body, str) else json.dumps(body)).encode()

    def url(self, service: str) -> str:
        return f"{self._server.url}/{service}"

    def says(self, service: str, body: Any, status: int = 200, **headers: str) -> None:
        self.answers[service] = lambda asked: (status, headers, body)


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

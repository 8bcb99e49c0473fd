"""An OTLP collector: a local server that keeps the spans it is sent."""

from __future__ import annotations

import gzip
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Told:
    """A span as it arrived; ids in hex, times in nanoseconds."""

    name: str
    trace: str
    id: str
    parent: str
    began: int
    ended: int
    kind: int
    failed: bool
    facts: dict[str, Any]
    links: list[str]
    process: str
    service: str


class Collector:
    """`status` is what it answers; `headers` are those of the last request, `bodies` all that came."""

    def __init__(self) -> None:
        self.status = 200
        self.spans: list[Told] = []
        self.bodies: list[bytes] = []
        self.headers: dict[str, str] = {}
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.take(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
                collector.headers = {name.lower(): value for name, value in self.headers.items()} | {"path": self.path}
                self.send_response(collector.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def take(self, body: bytes) -> None:
        self.bodies.append(body)
        if self.status != 200:
            return
        for sent in ExportTraceServiceRequest.FromString(body).resource_spans:
            process = facts_of(sent.resource.attributes)
            for scope in sent.scope_spans:
                self.spans += [told(span, process) for span in scope.spans]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def told(span: Any, process: dict[str, Any]) -> Told:
    return Told(
        name=span.name,
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        began=span.start_time_unix_nano,
        ended=span.end_time_unix_nano,
        kind=span.kind,
        failed=span.status.code == 2,
        facts=facts_of(span.attributes),
        links=[link.span_id.hex() for link in span.links],
        process=process["service.instance.id"],
        service=process["service.name"],
    )


def facts_of(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}

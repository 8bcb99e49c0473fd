"""An OTLP collector: a local server that keeps the spans it is sent."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from autonomy.tests.local_server import Answer, Asked, LocalServer


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
    """`status` is what it answers; `last` is the last request, `bodies` all that came."""

    def __init__(self) -> None:
        self.status = 200
        self.spans: list[Told] = []
        self.bodies: list[bytes] = []
        self.last: Asked | None = None
        self._server = LocalServer(self._answer)
        self.endpoint = self._server.url

    def _answer(self, asked: Asked) -> Answer:
        is_packed = asked.headers.get("content-encoding") == "gzip"
        self._take(gzip.decompress(asked.body) if is_packed else asked.body)
        self.last = asked
        return self.status, {}, b""

    def _take(self, body: bytes) -> None:
        self.bodies.append(body)
        if self.status != 200:
            return
        for sent in ExportTraceServiceRequest.FromString(body).resource_spans:
            process = facts_of(sent.resource.attributes)
            for scope in sent.scope_spans:
                self.spans += [told(span, process) for span in scope.spans]

    def close(self) -> None:
        self._server.close()


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

"""Traces on their way to a collector: OTLP over HTTP, in batches, from a thread of its own.

Names of attributes: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/ where it has one, else ours.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any
from uuid import UUID

import structlog
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.re import parse_env_headers

from autonomy.telemetry.redaction import redact
from autonomy.telemetry.spans import EndedRun

log = structlog.get_logger(__name__)

PATIENCE = 3.0  # seconds for one batch with all its tries
LONGEST = 300  # characters of an attribute
SAMPLED = TraceFlags(TraceFlags.SAMPLED)
OPERATIONS = {"llm": "chat", "embedding": "embeddings"}

_W3C = TraceContextTextMapPropagator()
# The run whose own span is being made: its ids are not random.
_root_of: ContextVar[UUID | None] = ContextVar("root_of", default=None)
# The run of the superstep under way here, and that run once it has ended: its span is told after the superstep's.
_under_way: ContextVar[tuple[UUID, list[EndedRun]] | None] = ContextVar("under_way", default=None)


class _Ids(RandomIdGenerator):
    def generate_trace_id(self) -> int:
        run_id = _root_of.get()
        return run_id.int if run_id else super().generate_trace_id()

    def generate_span_id(self) -> int:
        run_id = _root_of.get()
        return root_span_id(run_id) if run_id else super().generate_span_id()


def root_span_id(run_id: UUID) -> int:
    """The same in every process. Never 0, which is no id."""
    return int.from_bytes(hashlib.sha256(run_id.bytes).digest()[:8]) or 1


class Traces:
    """The spans of this process. Nothing here raises, waits for the collector, or keeps more than a bounded queue."""

    def __init__(self, endpoint: str, headers: str, service: str) -> None:
        """`headers`: `name=value,…` with URL-quoted values, as OTEL_EXPORTER_OTLP_HEADERS has them."""
        given = parse_env_headers(headers, liberal=True)
        self._collector = _Collector(OTLPSpanExporter(endpoint, headers=given, timeout=PATIENCE))
        instance = f"{socket.gethostname()}:{os.getpid()}"
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": service, "service.instance.id": instance}),
            id_generator=_Ids(),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(BatchSpanProcessor(self._collector))
        self._tracer = self._provider.get_tracer("autonomy")

    @contextlib.contextmanager
    def node(self, run_id: UUID, node: str, attempt: int, hint: Mapping[str, Any] | None) -> Iterator[None]:
        run = SpanContext(run_id.int, root_span_id(run_id), is_remote=True, trace_flags=SAMPLED)
        links = [Link(sent, {"autonomy.link": "hint"})] if (sent := _sent_from(hint)).is_valid else []
        attributes: dict[str, str | int] = {"autonomy.run_id": str(run_id)}
        attributes |= {"autonomy.node": node, "autonomy.attempt": attempt}
        ended: list[EndedRun] = []
        token = _under_way.set((run_id, ended))
        try:
            with self._span(f"node {node}", attributes, set_span_in_context(NonRecordingSpan(run)), links=links):
                yield
        finally:
            _under_way.reset(token)
            for one in ended:
                self._tell(one)

    @contextlib.contextmanager
    def provider(self, kind: str, provider: str, model: str, attempt: int) -> Iterator[_Attempt]:
        operation = OPERATIONS.get(kind, kind)
        attributes: dict[str, str | int] = {"autonomy.kind": kind, "autonomy.attempt": attempt}
        attributes |= {"gen_ai.operation.name": operation, "gen_ai.provider.name": provider}
        if model:
            attributes["gen_ai.request.model"] = model
        with self._span(f"{operation} {model or provider}", attributes, kind=SpanKind.CLIENT) as span:
            yield _Attempt(span)

    def run(self, run: EndedRun) -> None:
        under_way = _under_way.get()
        if under_way and under_way[0] == run.pk:
            under_way[1].append(run)
        else:
            self._tell(run)

    def carried(self) -> dict[str, str] | None:
        carrier: dict[str, str] = {}
        _W3C.inject(carrier)
        return carrier or None

    def close(self) -> None:
        self._collector.closing = True
        self._provider.shutdown()

    def _tell(self, run: EndedRun) -> None:
        """Its span, from when it was asked for until now; waits of any length lie within."""
        token = _root_of.set(run.pk)
        try:
            began = int(run.created_at.timestamp() * 1e9)
            span = self._tracer.start_span(f"run {run.journey}", context=Context(), start_time=began)
        finally:
            _root_of.reset(token)
        span.set_attributes(
            {
                "autonomy.run_id": str(run.pk),
                "autonomy.journey": run.journey,
                "autonomy.status": str(run.status),
                "autonomy.outcome": str(run.outcome),
                "autonomy.revision": run.revision,
                "autonomy.spent_tokens": run.spent_tokens,
                "autonomy.spent_usd": float(run.spent_usd),
            }
        )
        if run.outcome == "failed":
            span.set_status(StatusCode.ERROR)
        span.end()

    @contextlib.contextmanager
    def _span(
        self,
        name: str,
        attributes: Mapping[str, str | int],
        context: Context | None = None,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        links: Sequence[Link] = (),
    ) -> Iterator[Span]:
        """What is raised within is told by its type alone: its text may hold anything."""
        safe = {key: _safe(value) if isinstance(value, str) else value for key, value in attributes.items()}
        with self._tracer.start_as_current_span(
            _safe(name),
            context,
            kind,
            safe,
            links,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield span
            except BaseException as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(StatusCode.ERROR, type(error).__name__)
                raise


class _Attempt:
    def __init__(self, span: Span) -> None:
        self._span = span

    def told(
        self,
        outcome: str,
        *,
        model: str = "",
        tokens_in: int = 0,
        tokens_out: int = 0,
        tokens_cached: int = 0,
        usd: float | None = None,
        http_status: int | None = None,
        reason: str = "",
    ) -> None:
        facts: dict[str, str | int | float | None] = {
            "autonomy.outcome": outcome,
            "autonomy.reason": _safe(reason) or None,
            "autonomy.usd": usd,
            "gen_ai.response.model": _safe(model) or None,
            "gen_ai.usage.input_tokens": tokens_in,
            "gen_ai.usage.output_tokens": tokens_out,
            "gen_ai.usage.cache_read.input_tokens": tokens_cached,
            "http.response.status_code": http_status,
        }
        self._span.set_attributes({name: fact for name, fact in facts.items() if fact is not None})


class _Collector(SpanExporter):
    """Tells of a collector that cannot be reached once, and once when it can again."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._reached = True
        self.closing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if self.closing and not self._reached:
            return SpanExportResult.FAILURE  # the process is not held up for it
        result = self._exporter.export(spans)
        reached = result is SpanExportResult.SUCCESS
        if reached is not self._reached:
            self._reached = reached
            (log.info if reached else log.warning)("traces_delivered" if reached else "traces_lost")
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


def _sent_from(hint: Mapping[str, Any] | None) -> SpanContext:
    texts = {key: value for key, value in (hint or {}).items() if isinstance(value, str)}
    return get_current_span(_W3C.extract(texts, Context())).get_span_context()


def _safe(text: str) -> str:
    return redact(text)[:LONGEST]

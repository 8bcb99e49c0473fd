"""A trace for each run, as an OTLP collector receives it, from whichever processes executed the run."""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from pydantic import SecretStr
from structlog.testing import capture_logs

from autonomy.errors import ProviderRefused
from autonomy.models import Job, Run
from autonomy.providers.attempt import AttemptFailed, Fault
from autonomy.runtime import queue, recovery, step
from autonomy.services.cancel_run import cancel_run
from autonomy.tasks import execute_next
from autonomy.telemetry import redaction, tracing
from autonomy.tests.collector import Collector, Told
from autonomy.tests.factories import RunFactory
from autonomy.tests.test_worker import celery, start_samples, status, wait_until  # noqa: F401
from turnitin.deliver_report import deliver_report
from turnitin.models import Cycle

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[2]
CLIENT = 3


@pytest.fixture
def collector(settings) -> Iterator[Collector]:
    found = Collector()
    sent_to(settings, found.endpoint)
    yield found
    tracing.close()
    found.close()


def sent_to(settings: Any, endpoint: str, **more: Any) -> None:
    tracing.close()
    settings.ENV = settings.ENV.model_copy(update={"otel_exporter_otlp_endpoint": endpoint} | more)


@pytest.fixture
def planted(settings) -> Iterator[str]:
    """A configured secret."""
    redaction.configure(["sk-planted-key"])
    yield "sk-planted-key"
    redaction.configure(settings.ENV.secrets() | {settings.SECRET_KEY})


def spans(collector: Collector) -> list[Told]:
    """All there are, in the order in which they began."""
    tracing.close()
    return sorted(collector.spans, key=lambda span: span.began)


def report(run: Run, similarity: float = 0.05) -> None:
    cycle = Cycle.objects.get(run=run, state="awaiting_report")
    deliver_report(
        run_id=run.pk,
        cycle_id=cycle.pk,
        report_url=f"https://r.example.org/{cycle.number}",
        observed_similarity=similarity,
        actor=None,
    )


def test_a_run_is_one_trace_with_a_span_for_each_superstep_and_each_attempt(collector, model, start, work):
    run = start()
    work()
    report(run)
    work()
    told = spans(collector)
    assert {span.trace for span in told} == {run.pk.hex}
    root, *below = told
    assert (root.name, root.parent, root.service) == ("run essay", "", "autonomy")
    nodes = [span for span in below if span.parent == root.id]
    assert [span.name for span in nodes] == [
        "node plan", "node research", "node draft", "node critic", "node turnitin_pause", "node turnitin_pause",
        "node critic",
    ]  # fmt: skip
    calls = [span for span in below if span not in nodes]
    asked_by = {span.id: span.name for span in nodes}
    assert [asked_by[span.parent] for span in calls] == ["node plan", "node draft"]
    assert all(span.kind == CLIENT for span in calls)
    assert all(root.began <= span.began <= span.ended <= root.ended for span in below)
    run.refresh_from_db()
    assert root.began == pytest.approx(run.created_at.timestamp() * 1e9, abs=1e6)
    assert root.facts["autonomy.outcome"] == "accepted"
    assert root.facts["autonomy.spent_tokens"] == run.spent_tokens == 30


def test_an_attempt_is_told_in_the_words_of_the_gen_ai_conventions(collector, model, start, work):
    start()
    work()
    [plan, _] = [span for span in spans(collector) if span.kind == CLIENT]
    assert plan.name == "chat script-1"
    assert plan.facts == {
        "autonomy.kind": "llm",
        "autonomy.attempt": 1,
        "autonomy.outcome": "ok",
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "scripted",
        "gen_ai.request.model": "script-1",
        "gen_ai.response.model": "script-1",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.cache_read.input_tokens": 0,
    }


def test_a_failed_attempt_and_a_failed_superstep_are_told_without_a_word_of_what_was_raised(
    collector, planted, model, start, work
):
    def refuse(request):
        raise AttemptFailed(f"HTTP 400: {planted} was refused", Fault.REFUSED, http_status=400)

    model.before = refuse
    run = start()
    work()
    root, node, call = spans(collector)
    assert (root.failed, node.failed, call.failed) == (True, True, True)
    assert node.facts["error.type"] == ProviderRefused.__name__
    assert call.facts["http.response.status_code"] == 400
    assert call.facts["autonomy.reason"] == "HTTP 400: [redacted] was refused"
    assert root.facts["autonomy.outcome"] == "failed"
    sent = b"".join(collector.bodies)
    assert b"planted" not in sent
    assert run.title.encode() not in sent
    assert b"Sea walls" not in sent


def test_a_run_that_ends_without_a_worker_is_told_too(collector, model, start):
    run = start()
    cancel_run(run_id=run.pk, actor=run.user)
    [root] = spans(collector)
    assert (root.name, root.trace, root.facts["autonomy.outcome"]) == ("run essay", run.pk.hex, "cancelled")


def accepted(run: Run, work: Any) -> None:
    work()
    report(run)
    work()


def exhausted(run: Run, work: Any) -> None:
    Run.objects.filter(pk=run.pk).update(max_revisions=0)
    work()
    report(run, 0.9)
    work()


def cancelled(run: Run, work: Any) -> None:
    work()
    cancel_run(run_id=run.pk, actor=run.user)


def cancelled_on_a_worker(run: Run, work: Any) -> None:
    claim = queue.claim()
    cancel_run(run_id=run.pk, actor=run.user)
    step.execute(claim)


def over_at_a_boundary(run: Run, work: Any) -> None:
    Run.objects.filter(pk=run.pk).update(spent_seconds=1e6)
    work()


def over_within_a_superstep(run: Run, work: Any) -> None:
    Run.objects.filter(pk=run.pk).update(limit_tokens=1)
    work()


def lost(run: Run, work: Any) -> None:
    claim = queue.claim()
    expired = {"max_attempts": 1, "lease_expires_at": timezone.now() - timedelta(seconds=1)}
    Job.objects.filter(pk=claim.job_id).update(**expired)
    recovery.recover()
    recovery.recover()
    step.execute(claim)  # it comes back, too late


def failed(run: Run, work: Any) -> None:
    Run.objects.filter(pk=run.pk).update(journey="gone")
    work()


@pytest.mark.parametrize(
    ("ends", "outcome"),
    [
        (accepted, "accepted"),
        (exhausted, "revisions_exhausted"),
        (cancelled, "cancelled"),
        (cancelled_on_a_worker, "cancelled"),
        (over_at_a_boundary, "budget_exceeded"),
        (over_within_a_superstep, "budget_exceeded"),
        (lost, "failed"),
        (failed, "failed"),
    ],
)
def test_a_run_is_told_once_however_it_ends(collector, model, start, work, ends, outcome):
    run = start()
    ends(run, work)
    told = spans(collector)
    assert [one.facts["autonomy.outcome"] for one in told if one.name.startswith("run ")] == [outcome]
    assert {span.trace for span in told} == {run.pk.hex}


@pytest.mark.parametrize("status", [400, 401, 429, 500, 503])
def test_what_a_collector_answers_fails_no_run(collector, model, start, work, status):
    collector.status = status
    run = start()
    accepted(run, work)
    tracing.close()
    run.refresh_from_db()
    assert run.outcome == "accepted"


def test_one_trace_is_made_by_several_worker_processes(collector, celery, start):  # noqa: F811
    everywhere = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint, "AUTONOMY_SLICE_SECONDS": "0"}
    run = start_samples(start)
    first = celery("worker", "-c", "1", **everywhere)
    wait_until(lambda: Run.objects.get(pk=run.pk).supersteps >= 2)
    first.send_signal(signal.SIGTERM)
    assert first.wait(30) == 0
    celery("beat")
    second = celery("worker", "-c", "1", **everywhere)
    wait_until(lambda: status(run) == "waiting_human")
    report(run, 0.01)
    wait_until(lambda: status(run) == "done")
    second.send_signal(signal.SIGTERM)
    assert second.wait(30) == 0
    told = spans(collector)
    root, *below = told
    assert {span.trace for span in told} == {run.pk.hex}
    assert len({span.process for span in told}) == 2
    nodes = [span for span in below if span.parent == root.id]
    names = [name for name, _ in itertools.groupby(span.name for span in nodes)]
    assert names == [
        "node plan", "node research", "node draft", "node critic", "node turnitin_pause", "node critic"
    ]  # fmt: skip
    assert {span.parent for span in below} <= {root.id, *(span.id for span in nodes)}


def test_a_hint_tells_the_superstep_it_was_sent_from_and_the_next_one_links_to_it(collector, model, start):
    waiting = queue._redis()
    waiting.delete("autonomy")
    with tracing.node_span(uuid4(), "plan", 1):
        queue.hint()
    message = json.loads(waiting.lpop("autonomy"))
    start()
    execute_next.apply(headers=message["headers"])
    first, *later = [span for span in spans(collector) if span.name.startswith("node")]
    assert [span.links for span in later] == [[first.id], *[[] for _ in later[1:]]]
    assert first.trace not in {span.trace for span in later}


@pytest.mark.parametrize("headers", [None, {}, {"traceparent": "nonsense"}, {"traceparent": 7}])
def test_a_hint_that_tells_nothing_of_use_is_followed_all_the_same(collector, model, start, headers):
    run = start()
    tracing.taken(headers)
    execute_next.apply(headers=headers)
    assert status(run) == "waiting_human"
    assert not any(span.links for span in spans(collector))


def test_the_collector_s_headers_and_path_are_those_of_the_settings(collector, settings, model, start, work):
    headers = SecretStr("authorization=Bearer%20collect-me,x-team=writers")
    whole = f"{collector.endpoint}/elsewhere"
    sent_to(settings, "", otel_exporter_otlp_traces_endpoint=whole, otel_exporter_otlp_headers=headers)
    start()
    work()
    assert spans(collector)
    assert collector.last.headers["authorization"] == "Bearer collect-me"
    assert collector.last.path == "/elsewhere"


def test_a_collector_that_is_not_there_fails_no_run_and_is_told_once(settings, model, start, work):
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        gone = nobody.getsockname()[1]
    sent_to(settings, f"http://127.0.0.1:{gone}")
    with capture_logs() as logs:
        run = start()
        work()
        tracing.close()
        cancel_run(run_id=run.pk, actor=run.user)
        tracing.close()
    run.refresh_from_db()
    assert run.status == "cancelled"
    assert [line["event"] for line in logs if line["event"].startswith("traces")] == ["traces_lost"] * 2


def test_a_collector_that_never_answers_holds_up_neither_a_run_nor_the_end_of_a_process(settings, model, start, work):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sent_to(settings, f"http://127.0.0.1:{silent.getsockname()[1]}")
        run = start()
        work()
        run.refresh_from_db()
        assert run.status == "waiting_human"
        closing = threading.Thread(target=tracing.close)
        closing.start()
        closing.join(30)
        assert not closing.is_alive()


def test_without_a_collector_what_speaks_to_one_is_not_even_imported():
    asked = """
import django, sys
django.setup()
from autonomy.telemetry import tracing
import autonomy.tasks, uuid
with tracing.node_span(uuid.uuid4(), "plan", 1), tracing.provider_span("llm", "openai", "gpt", 1) as span:
    span.told("ok")
sys.exit(any(name in sys.modules for name in ("autonomy.telemetry.otlp", "opentelemetry.exporter")))
"""
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    assert subprocess.run([sys.executable, "-c", asked], cwd=ROOT, env=environment).returncode == 0


def test_without_a_collector_a_hint_carries_nothing():
    with tracing.node_span(RunFactory.build().pk, "plan", 1):
        assert tracing.carried() is None

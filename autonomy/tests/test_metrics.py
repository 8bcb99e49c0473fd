"""What Prometheus is told: counted by many processes, read from the database, and not by everybody."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection, connections
from django.test import Client
from django.utils import timezone
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from psycopg_pool import ConnectionPool
from pydantic import SecretStr

from autonomy.api import metrics as view
from autonomy.errors import ProviderUnavailable
from autonomy.models import Job, Run
from autonomy.providers.attempt import AttemptFailed, Fault
from autonomy.selectors import metrics as selector
from autonomy.selectors.metrics import InTheDatabase
from autonomy.telemetry import metrics
from autonomy.telemetry.metrics import Counted, forget_the_dead
from autonomy.tests.clients import client_of, staff
from autonomy.tests.factories import RunFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[2]
COUNTING = """
import os, sys
from autonomy.telemetry import metrics
for _ in range(2):  # two processes of a worker, forked from one that has imported everything
    if not os.fork():
        metrics.step("plan", "committed", journey="essay", seconds=0.25)
        metrics.spent("openai", "gpt", tokens_in=100, tokens_out=7, usd=0.25)
        os._exit(0)
for _ in range(2):
    assert os.wait()[1] == 0
"""


@pytest.fixture(autouse=True)
def _asked_anew(monkeypatch) -> None:
    monkeypatch.setattr(view, "IN_THE_DATABASE", InTheDatabase())


@pytest.fixture
def folder(tmp_path) -> Path:
    """Of the figures of all machines, with nothing in it yet."""
    return tmp_path / "metrics"


@pytest.fixture
def token(settings) -> str:
    settings.ENV = settings.ENV.model_copy(update={"autonomy_metrics_token": SecretStr("scrape-me")})
    return "scrape-me"


def read(collector: Any) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(collector)
    return registry


def in_the_database(name: str, **labels: str) -> float | None:
    return read(InTheDatabase()).get_sample_value(name, labels)


def counting(folder: Path, host: str, what: str = COUNTING) -> None:
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(folder / host)}
    subprocess.run([sys.executable, "-c", what], cwd=ROOT, env=environment, check=True)


def test_what_the_processes_of_all_machines_have_counted_is_added_up_also_when_they_are_gone(folder):
    counting(folder, "here")
    counting(folder, "there")
    told = read(Counted(folder))
    assert told.get_sample_value("autonomy_steps_total", {"node": "plan", "result": "committed"}) == 4
    assert told.get_sample_value("autonomy_step_seconds_count", {"journey": "essay", "node": "plan"}) == 4
    assert told.get_sample_value("autonomy_step_seconds_sum", {"journey": "essay", "node": "plan"}) == 4 * 0.25
    paid = {"provider": "openai", "model": "gpt"}
    assert told.get_sample_value("autonomy_tokens_total", paid | {"direction": "in"}) == 400
    assert told.get_sample_value("autonomy_spend_usd_total", paid) == 1


def test_a_machine_begins_anew_without_those_that_still_count_and_without_the_others(folder):
    counting(folder, "here")
    counting(folder, "there")
    alive = folder / "here" / f"counter_{os.getpid()}.db"
    next((folder / "here").glob("counter_*.db")).rename(alive)
    forget_the_dead(folder / "here")
    assert list((folder / "here").iterdir()) == [alive]
    assert len(list((folder / "there").iterdir())) == 4


def test_a_price_that_is_not_known_is_counted_and_costs_nothing(grown):
    metrics.spent("brave", "", tokens_in=0, tokens_out=0, usd=None)
    assert grown("autonomy_calls_unpriced_total", provider="brave", model="") == 1
    assert grown("autonomy_spend_usd_total", provider="brave", model="") == 0


def test_a_call_that_is_handed_on_is_counted_with_where_it_went(grown):
    metrics.provider_fallback("llm", "first", "second")
    handed_on = {"kind": "llm", "provider_from": "first", "provider_to": "second"}
    assert grown("autonomy_provider_fallbacks_total", **handed_on) == 1


def test_what_cannot_be_counted_stops_nobody(folder):
    folder.mkdir()
    (folder / "a-file").touch()
    counting(folder, "a-file/in-the-way", "from autonomy.telemetry import metrics; metrics.provider_retry('llm', 'x')")


def test_a_run_counts_its_supersteps_and_what_it_asked_of_providers(grown, model, start, work):
    failing = iter([True])

    def fail_once(request):
        if next(failing, False):
            raise ProviderUnavailable("Away.", retry_after=1)

    model.before = fail_once
    run = start()
    work()
    Job.objects.filter(run=run, state="queued").update(scheduled_at=timezone.now())
    work()
    run.refresh_from_db()
    assert run.status == "waiting_human"
    assert grown("autonomy_steps_total", node="plan", result="failed") == 1
    assert grown("autonomy_steps_total", node="plan", result="committed") == 1
    assert grown("autonomy_step_seconds_count", journey="essay", node="turnitin_pause") == 1
    assert grown("autonomy_provider_attempts_total", kind="llm", provider="scripted", outcome="ok") == 2
    assert grown("autonomy_provider_call_seconds_count", kind="llm", provider="scripted", outcome="ok") == 2
    assert grown("autonomy_tokens_total", provider="scripted", model="script-1", direction="out") == 15
    assert grown("autonomy_calls_unpriced_total", provider="scripted", model="script-1") == 3


def test_an_attempt_that_used_nothing_is_not_one_of_unknown_price(grown, model, start, work):
    def busy_once(request):
        if len(model.requests) == 1:
            raise AttemptFailed("HTTP 429", Fault.TRANSIENT, http_status=429)

    model.usd, model.before = Decimal("0.001"), busy_once
    start()
    work()
    assert grown("autonomy_provider_attempts_total", kind="llm", provider="scripted", outcome="retryable") == 1
    assert grown("autonomy_calls_unpriced_total", provider="scripted", model="script-1") == 0


def test_runs_are_counted_by_status_and_outcome_and_none_is_told_as_0():
    RunFactory(spent_tokens=7, spent_usd="0.5")
    RunFactory(status="done", outcome="accepted", ended_at=timezone.now(), spent_tokens=5, spent_usd="0.25")
    RunFactory(status="done", outcome="accepted", ended_at=timezone.now())
    assert in_the_database("autonomy_runs", status="done", outcome="accepted") == 2
    assert in_the_database("autonomy_runs", status="queued", outcome="") == 1
    assert in_the_database("autonomy_runs", status="failed", outcome="failed") == 0
    assert in_the_database("autonomy_spent_tokens") == 12
    assert in_the_database("autonomy_spent_usd") == 0.75
    assert in_the_database("autonomy_database_up") == 1


def test_every_status_and_outcome_that_can_be_is_told():
    [runs] = [metric for metric in InTheDatabase().collect() if metric.name == "autonomy_runs"]
    told = [sample.labels for sample in runs.samples]
    assert {labels["status"] for labels in told} == set(Run.Status)
    assert {labels["outcome"] for labels in told} == {"", *Run.Outcome}


def test_the_queue_tells_how_deep_it_is_and_how_late():
    now = timezone.now()

    def job(**fields: Any) -> None:
        run = RunFactory()
        Job.objects.create(run=run, user=run.user, max_attempts=5, **{"kind": "start"} | fields)

    job(scheduled_at=now - timedelta(seconds=90))
    job(scheduled_at=now - timedelta(seconds=30), kind="continue")
    job(scheduled_at=now + timedelta(hours=1))
    job(state="running", lease_token="0" * 32, lease_expires_at=now + timedelta(minutes=1))
    job(state="running", lease_token="1" * 32, lease_expires_at=now - timedelta(minutes=1))
    job(state="done", finished_at=now, scheduled_at=now - timedelta(days=1))
    assert in_the_database("autonomy_queue_depth", state="queued", kind="start") == 2
    assert in_the_database("autonomy_queue_depth", state="queued", kind="continue") == 1
    assert in_the_database("autonomy_queue_depth", state="queued", kind="resume") == 0
    assert in_the_database("autonomy_queue_due") == 2
    assert 90 <= in_the_database("autonomy_oldest_due_job_age_seconds") < 600
    assert in_the_database("autonomy_leases", state="held") == 1
    assert in_the_database("autonomy_leases", state="expired") == 1


def test_an_empty_queue_is_not_late():
    assert in_the_database("autonomy_oldest_due_job_age_seconds") == 0


def test_the_state_of_the_breakers_is_told_as_a_number():
    told = {"llm:openai": {"state": "open", "until": 1.0}, "search:crossref": {"state": "closed"}}
    registry = read(InTheDatabase(breakers=lambda: told))
    assert registry.get_sample_value("autonomy_breaker_state", {"kind": "llm", "provider": "openai"}) == 2
    assert registry.get_sample_value("autonomy_breaker_state", {"kind": "search", "provider": "crossref"}) == 0


def test_many_scrapes_ask_the_database_once(django_assert_num_queries, monkeypatch):
    monkeypatch.setattr(selector, "FRESH", 3600.0)
    database = InTheDatabase()
    list(database.collect())
    with django_assert_num_queries(0):
        for _ in range(10):
            assert list(database.collect())


def test_without_the_database_the_rest_is_told(client_with_token, monkeypatch):
    def gone(statement: str) -> None:
        raise OperationalError("gone")

    metrics.provider_retry("llm", "openai")
    monkeypatch.setattr(selector, "_rows", gone)
    answer = client_with_token.get("/metrics")
    assert answer.status_code == 200
    told = {family.name: family.samples for family in text_string_to_metric_families(answer.content.decode())}
    assert told["autonomy_database_up"][0].value == 0
    assert told["autonomy_provider_retries"][0].value >= 1
    assert "autonomy_runs" not in told


def test_a_database_that_is_away_is_not_waited_for_and_is_asked_again_as_soon_as_it_may_be_back(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        gone = nobody.getsockname()[1]
    monkeypatch.setattr(selector, "FRESH", 0.0)
    monkeypatch.setattr(selector, "CONNECT_SECONDS", 0.5)
    database = read(InTheDatabase())
    connection.close()
    with ConnectionPool(f"host=127.0.0.1 port={gone} connect_timeout=5", min_size=0, max_size=1, timeout=120) as away:
        with monkeypatch.context() as patched:
            patched.setattr(type(connections["default"]), "pool", away)
            began = time.monotonic()
            assert database.get_sample_value("autonomy_database_up") == 0
            assert time.monotonic() - began < 60
        assert database.get_sample_value("autonomy_database_up") == 1


@pytest.fixture
def client_with_token(token) -> Client:
    return Client(headers={"Authorization": f"Bearer {token}"})


def test_who_brings_the_token_reads_and_needs_no_cookie(client_with_token, token):
    RunFactory()
    answer = client_with_token.get("/metrics", headers={"Accept": "text/plain;version=0.0.4"})
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
    assert b'autonomy_runs{outcome="",status="queued"} 1.0' in answer.content
    assert not answer.cookies
    assert client_with_token.head("/metrics").status_code == 200


def test_who_asks_for_open_metrics_gets_it(client_with_token):
    answer = client_with_token.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer["Content-Type"].startswith("application/openmetrics-text")
    assert answer.content.endswith(b"# EOF\n")


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Bearer", "Bearer scrape-m", "Basic c2NyYXBl", "Bearer \xff"])
def test_without_the_token_nobody_reads(token, header):
    answer = Client().get("/metrics", headers={"Authorization": header} if header else {})
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"
    assert set(answer.json()) == {"code", "message", "details"}
    assert b"autonomy_runs" not in answer.content


@pytest.mark.parametrize("method", ["get", "head", "post"])
def test_a_token_in_the_address_opens_nothing(token, method):
    assert getattr(Client(), method)(f"/metrics?token={token}&access_token={token}").status_code == 401


def test_an_accept_header_of_any_size_and_form_is_answered(client_with_token):
    huge = ",".join(f"a/b;q=0.{number % 10}" for number in range(6000))
    for accept in (
        huge,
        ";;;,,,",
        "*/*;q=abc",
        "application/openmetrics-text;version=",
        "text/plain;version;=",
        "\x00",
    ):
        assert client_with_token.get("/metrics", headers={"Accept": accept}).status_code == 200


def test_where_no_token_is_set_none_opens():
    assert Client().get("/metrics", headers={"Authorization": "Bearer "}).status_code == 401
    assert Client().get("/metrics", headers={"Authorization": "Bearer None"}).status_code == 401


def test_staff_who_may_view_runs_read_it_in_their_browser():
    assert staff("autonomy.view_run").get("/metrics").status_code == 200
    refused = staff().get("/metrics")
    assert refused.status_code == 403
    assert refused.json()["details"] == {"permission": "autonomy.view_run"}


def test_a_user_of_the_api_does_not():
    assert client_of(UserFactory(is_staff=True, is_superuser=True)).get("/metrics").status_code == 401


@pytest.mark.parametrize("method", ["post", "put", "delete", "options"])
def test_it_is_only_read(client_with_token, method):
    assert getattr(client_with_token, method)("/metrics").status_code == 405


def test_it_is_there_when_the_api_is_off(client_with_token, settings):
    settings.ENABLE_AUTONOMY_V2 = False
    assert client_with_token.get("/metrics").status_code == 200

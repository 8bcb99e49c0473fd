"""Every line that is logged while a job is executed says of which run and node it tells, and no other line does."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import structlog
from django.db import OperationalError
from langgraph.graph import END, START, StateGraph
from structlog.contextvars import bind_contextvars, clear_contextvars, get_contextvars, merge_contextvars
from structlog.testing import capture_logs

from autonomy.errors import LeaseLost, ProviderUnavailable
from autonomy.graph.state import GraphState
from autonomy.runtime import lease, queue, step
from autonomy.tests import fan_out
from autonomy.tests import quick as quick_journey
from autonomy.tests.test_worker import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

log = structlog.get_logger("a.node")


@pytest.fixture(autouse=True)
def _clear():
    clear_contextvars()
    yield
    clear_contextvars()


@pytest.fixture
def logged(settings):
    structlog.configure(cache_logger_on_first_use=False)
    with capture_logs(processors=[merge_contextvars]) as lines:
        yield lines


def test_a_line_of_a_node_names_its_run_job_attempt_and_node(logged, quick, work):
    for node in ("plan", "draft"):
        quick_journey.inside[node] = lambda run_id: log.info("inside", expected=run_id)
    run = quick()
    work()
    inside = [line for line in logged if line["event"] == "inside"]
    assert [line["node"] for line in inside] == ["plan", "draft"]
    for line in inside:
        assert line["run_id"] == line["expected"] == str(run.pk)
        assert (line["attempt"], line["job_id"]) == (1, run.jobs.get(kind="start").pk)


def test_a_committed_superstep_is_told_with_all_its_figures(logged, model, start, work):
    run = start()
    work()
    told = [line for line in logged if line["event"] == "node_committed"]
    assert [line["node"] for line in told] == ["plan", "research", "draft", "critic", "turnitin_pause"]
    plan = told[0]
    assert (plan["route_in"], plan["route_out"], plan["provider"]) == ("plan", "research", "scripted")
    assert (plan["tokens_in"], plan["tokens_out"]) == (10, 5)
    assert {"duration_ms", "outcome", "attempt", "run_id", "job_id"} <= plan.keys()
    calls = [line for line in logged if line["event"] == "provider_call"]
    assert [(line["node"], line["outcome"], line["run_id"]) for line in calls] == [
        ("plan", "ok", str(run.pk)),
        ("draft", "ok", str(run.pk)),
    ]


def test_one_run_after_the_other_on_a_worker_leaves_nothing_to_the_next(logged, quick, work):
    quick_journey.inside["plan"] = lambda run_id: log.info("inside", expected=run_id, bound=get_contextvars())
    bind_contextvars(left_by="somebody else")
    first, second = quick(), quick()
    work()
    inside = [line for line in logged if line["event"] == "inside"]
    assert {line["run_id"] for line in inside} == {str(first.pk), str(second.pk)}
    for line in inside:
        assert line["run_id"] == line["expected"]
        assert set(line["bound"]) == {"run_id", "job_id", "attempt", "node"}
    assert get_contextvars() == {}


@pytest.mark.parametrize("error", [ValueError("boom"), ProviderUnavailable(), LeaseLost(), SystemExit(1)])
def test_nothing_is_left_bound_after_an_error(logged, quick, error):
    def fail(run_id: str) -> None:
        raise error

    quick_journey.inside["plan"] = fail
    quick()
    claim = queue.claim()
    if isinstance(error, SystemExit):
        with pytest.raises(SystemExit):
            step.execute(claim)
    else:
        step.execute(claim)
    assert get_contextvars() == {}


def test_nodes_that_langgraph_runs_side_by_side_in_threads_log_the_same_run(logged):
    both = threading.Barrier(2, timeout=30)

    def tell(state: GraphState) -> dict[str, Any]:
        both.wait()
        log.info("inside", thread=threading.get_ident())
        return {}

    graph = StateGraph(GraphState)
    for name in ("one", "two"):
        graph.add_node(name, tell)
        graph.add_edge(START, name)
        graph.add_edge(name, END)
    bind_contextvars(run_id="a run", node="draft")
    graph.compile().invoke({"run_id": "a run"})
    assert len({line["thread"] for line in logged}) == 2
    assert [(line["run_id"], line["node"]) for line in logged] == [("a run", "draft")] * 2


def test_the_threads_of_a_run_that_writes_sections_side_by_side_name_its_run_job_node_and_attempt(
    logged, model, journey, work
):
    fan_out.before[:] = [lambda number: log.info("inside", number=number)]
    try:
        run = journey("fan_out")
        work()
    finally:
        fan_out.before.clear()
    run.refresh_from_db()
    assert run.outcome == "accepted", run.reason
    inside = [line for line in logged if line["event"] in ("inside", "provider_call")]
    assert len(inside) == 2 * fan_out.SECTIONS
    job = run.jobs.get(kind="start").pk
    assert {(line["run_id"], line["job_id"], line["node"]) for line in inside} == {(str(run.pk), job, "draft")}
    assert all(line["attempt"] == 1 for line in inside)
    assert len({line["number"] for line in inside if line["event"] == "inside"}) == fan_out.SECTIONS
    assert get_contextvars() == {}


def test_a_heartbeat_that_is_missed_names_its_run(logged, quick, settings, monkeypatch):
    def away(claim: queue.Claim) -> bool:
        raise OperationalError

    settings.ENV = settings.ENV.model_copy(update={"autonomy_heartbeat_seconds": 0.1})
    monkeypatch.setattr(lease, "renew", away)
    run = quick()
    claim = queue.claim()
    with lease.renewed(claim):
        wait_until(lambda: any(line["event"] == "heartbeat_missed" for line in logged))
    [line, *_] = [line for line in logged if line["event"] == "heartbeat_missed"]
    assert (line["run_id"], line["job_id"], line["attempt"]) == (str(run.pk), claim.job_id, 1)

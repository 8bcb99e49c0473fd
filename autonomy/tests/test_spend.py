"""Where a run's money went: its provider calls, added up."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from autonomy.models import ProviderCall, Run
from autonomy.selectors.spend import spend
from autonomy.tests.clients import client_of, staff
from autonomy.tests.factories import RunFactory, UserFactory

pytestmark = pytest.mark.django_db

FIRST, SECOND = uuid4(), uuid4()


def call(run: Run, **told: Any) -> ProviderCall:
    known = {
        "kind": "llm", "node": "draft", "provider": "openai", "model": "large", "operation_id": uuid4(), "attempt": 1,
        "outcome": "ok", "tokens_in": 100, "tokens_out": 20, "usd": Decimal("0.01"), "latency_ms": 100,
    }  # fmt: skip
    return ProviderCall.objects.create(run=run, **known | told)


def figures(run: Run, **named: str) -> dict[str, Any]:
    (found,) = [one for one in spend(run)["calls"] if named.items() <= one.items()]
    return found


@pytest.fixture
def run() -> Run:
    return RunFactory(user=UserFactory(username="mara"), reserved_tokens=700, reserved_usd="0.5")


def test_calls_are_added_up_by_provider_model_and_node_the_dearest_first(run, django_assert_num_queries):
    call(run, tokens_cached=40)
    call(run)
    call(run, node="plan", usd=Decimal("0.5"))
    call(run, model="small", usd=None)
    call(run, provider="anthropic", usd=Decimal("0.001"))
    call(RunFactory())
    with django_assert_num_queries(1):
        told = spend(run)
    names = [(one["provider"], one["model"], one["node"], one["usd"]) for one in told["calls"]]
    assert names == [
        ("openai", "large", "plan", 0.5),
        ("openai", "large", "draft", 0.02),
        ("anthropic", "large", "draft", 0.001),
        ("openai", "small", "draft", None),
    ]
    tokens = ("tokens_in", "tokens_out", "tokens_cached")
    assert [told["calls"][1][name] for name in tokens] == [200, 40, 40]
    assert [told["total"][name] for name in (*tokens, "attempts", "usd")] == [500, 100, 40, 5, 0.521]


def test_the_attempts_of_one_operation_are_told_by_how_they_ended(run):
    nothing = {"tokens_in": 0, "tokens_out": 0, "usd": None}
    call(run, operation_id=FIRST, outcome="retryable", **nothing)
    call(run, operation_id=FIRST, attempt=2)
    call(run, operation_id=SECOND, outcome="final", **nothing)
    told = figures(run, node="draft")
    assert [told[name] for name in ("operations", "attempts", "ok", "failed", "lost", "pending")] == [2, 3, 1, 2, 0, 0]
    assert told["unknown_price"] == 0, "nothing was used, so nothing lacks its price"


def test_a_price_nobody_knows_is_counted_and_never_taken_for_nothing(run):
    call(run, model="unpriced", usd=None)
    call(run, model="mixed", usd=None, outcome="final")
    call(run, model="mixed")
    assert (figures(run, model="unpriced")["usd"], figures(run, model="unpriced")["unknown_price"]) == (None, 1)
    assert (figures(run, model="mixed")["usd"], figures(run, model="mixed")["unknown_price"]) == (0.01, 1)
    assert (spend(run)["total"]["usd"], spend(run)["total"]["unknown_price"]) == (0.01, 2)


def test_what_is_under_way_is_reserved_and_not_yet_spent_and_what_was_lost_counts_with_its_most(run):
    call(run, latency_ms=300)
    call(run, outcome="pending", estimated=True, tokens_in=500, latency_ms=0)
    call(run, outcome="lost", estimated=True, tokens_in=1000, usd=Decimal("0.2"), latency_ms=60_000)
    told = figures(run, node="draft")
    assert (told["attempts"], told["ok"], told["pending"], told["lost"]) == (3, 1, 1, 1)
    assert (told["tokens_in"], told["usd"], told["estimated"]) == (1100, 0.21, 0.5)
    assert told["latency_ms"] == {"median": 300, "p95": 300}, "of those that were heard of"
    assert spend(run)["reserved"] == {"tokens": 700, "usd": 0.5}


def test_where_nothing_was_heard_of_yet_there_is_no_latency_and_no_price(run):
    call(run, outcome="pending", estimated=True)
    told = figures(run, node="draft")
    assert (told["latency_ms"], told["usd"], told["unknown_price"], told["estimated"]) == (None, None, 0, 0.0)


def test_latency_is_told_as_median_and_as_what_one_in_twenty_exceeds(run):
    for latency in range(0, 2001, 100):
        call(run, latency_ms=latency)
    assert figures(run, node="draft")["latency_ms"] == {"median": 1000, "p95": 1900}


def test_a_run_that_asked_nobody_has_spent_nothing(run):
    told = spend(run)
    assert (told["calls"], told["total"]["usd"], told["total"]["attempts"]) == ([], None, 0)


class TestApi:
    def test_the_owner_and_staff_see_it_and_for_others_there_is_no_such_run(self, run: Run) -> None:
        call(run)
        address = f"/api/v2/runs/{run.pk}/spend"
        for user in (run.user, UserFactory(is_staff=True)):
            answer = client_of(user).get(address)
            assert (answer.status_code, answer.json()) == (200, spend(run))
        answer = client_of(UserFactory()).get(address)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")

    def test_it_adds_up_to_what_the_run_has_spent(self, model: Any, start: Any, work: Any) -> None:
        run = start()
        work()
        told = client_of(run.user).get(f"/api/v2/runs/{run.pk}/spend").json()
        total, spent = told["total"], told["spent"]
        assert total["tokens_in"] + total["tokens_out"] == spent["tokens"] == 30
        assert [one["node"] for one in told["calls"]] == ["draft", "plan"]


class TestConsole:
    def page(self, run: Run, *permissions: str) -> str:
        client = staff("autonomy.view_run", *permissions)
        return client.get(f"/admin/autonomy/run/{run.pk}/calls/").content.decode()

    def test_the_run_s_page_tells_it_in_words(self, run: Run) -> None:
        call(run, latency_ms=1500)
        call(run, outcome="retryable", tokens_in=0, tokens_out=0, usd=None, latency_ms=20)
        call(run, model="small", usd=None, estimated=True)
        page = self.page(run, "autonomy.view_providercall")
        assert "Spend by provider, model and node" in page
        assert "2 (1 failed)" in page
        assert "unknown price (1), 100% estimated" in page
        assert "$0.01 + 1 of unknown price" in page, "in all"
        assert "760\u00a0ms / 1.4\u00a0s" in page
        assert "Reserved for calls under way: at most 700 tokens, $0.50." in page

    def test_who_may_not_see_provider_calls_does_not_see_their_sums(self, run: Run) -> None:
        call(run)
        answer = staff("autonomy.view_run").get(f"/admin/autonomy/run/{run.pk}/calls/")
        assert answer.status_code == 403

    def test_without_calls_there_is_no_table(self, run: Run) -> None:
        assert "Spend by provider" not in self.page(run, "autonomy.view_providercall")

    def test_a_provider_s_name_is_inert(self, run: Run) -> None:
        call(run, model="<script>window.hacked=1</script>")
        page = self.page(run, "autonomy.view_providercall")
        assert "window.hacked" in page
        assert "<script>window" not in page

"""What a run will probably use: what runs like it have used, or a reckoning from its task."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from autonomy.console import cost as words_of_cost
from autonomy.console.start_form import StartForm
from autonomy.journeys.registry import journeys
from autonomy.models import ProviderCall, Run
from autonomy.providers.pricing import Price
from autonomy.selectors import estimate as selector
from autonomy.selectors.estimate import Asked, estimate
from autonomy.selectors.reckoning import reckoning
from autonomy.tests.factories import RunFactory, UserFactory
from config.language_models import LanguageModelSpec

pytestmark = pytest.mark.django_db
DONE = {"status": "done", "outcome": "accepted"}


@pytest.fixture(autouse=True)
def model(env: Any) -> None:
    """One that has a price, and is asked first."""
    spec = {"kind": "openai", "name": "main", "base_url": "http://127.0.0.1:9/v1", "model": "gpt-5-mini"}
    env(autonomy_language_models=[LanguageModelSpec(**spec), LanguageModelSpec(kind="offline")])


def ended(count: int, *, words: int = 900, model: str = "gpt-5-mini", usd: str | None = "0.1", **fields: Any) -> None:
    user = UserFactory()
    for n in range(count):
        at = timezone.now()
        given = {"spent_tokens": 1000 * (n + 1), "spent_seconds": 10 * (n + 1), "spent_usd": f"0.{n + 1:02}"} | fields
        run = RunFactory(user=user, ended_at=at, task_spec={"topic": "T", "words": words}, **{**DONE, **given})
        ProviderCall.objects.create(
            run=run, kind="llm", provider="main", model=model, attempt=1, outcome="ok", usd=usd and Decimal(usd)
        )


def asked(**changes: Any) -> Asked:
    return Asked(**{"words": 900, "sections": 0, "sources": [], "max_revisions": 3, **changes})


def past(**changes: Any) -> dict[str, Any] | None:
    found: dict[str, Any] | None = estimate(journeys()["essay"], asked(**changes))["past"]
    return found


class TestPast:
    def test_it_tells_what_half_and_nine_in_ten_used_at_most(self) -> None:
        ended(10)
        assert past() == {
            "runs": 10, "cut_short": 0, "scaled": False,
            "tokens": {"half": 5000, "most": 9000}, "seconds": {"half": 50, "most": 90},
            "usd": {"half": 0.05, "most": 0.09},
        }  # fmt: skip

    def test_fewer_than_five_are_not_enough(self) -> None:
        ended(4)
        assert past() is None
        ended(1)
        assert past() is not None

    def test_runs_that_used_their_revisions_up_count_and_those_cut_short_are_told_of(self) -> None:
        ended(5, outcome="revisions_exhausted")
        ended(2, outcome="budget_exceeded", spent_tokens=99_000)
        found = past()
        assert found
        assert (found["runs"], found["cut_short"], found["tokens"]["most"]) == (5, 2, 5000)

    def test_other_journeys_failed_and_cancelled_runs_and_forks_are_left_out(self) -> None:
        ended(5, journey="report")
        ended(5, status="failed", outcome="failed")
        ended(5, status="cancelled", outcome="cancelled")
        ended(5, forked_from=RunFactory())
        assert past() is None

    def test_runs_of_another_model_are_left_out(self) -> None:
        ended(5, model="gpt-5")
        assert past() is None
        ended(5, model="gpt-5-mini-2025-08-07")
        assert past() is not None
        assert past(model="offline") is None

    def test_a_model_that_no_list_knows_is_known_by_its_provider(self) -> None:
        ended(5, model="a-file-of-ours.gguf")
        assert past() is not None

    def test_runs_of_other_lengths_are_taken_in_proportion(self) -> None:
        ended(5, words=3600)
        found = past()
        assert found
        assert (found["scaled"], found["tokens"]["half"]) == (True, 750)

    def test_where_enough_have_about_the_length_the_others_are_left_out(self) -> None:
        ended(5, words=3600, spent_tokens=90_000)
        ended(5, words=1000)
        found = past()
        assert found
        assert (found["scaled"], found["runs"], found["tokens"]["most"]) == (False, 5, 5000)

    def test_without_known_prices_no_money_is_told(self) -> None:
        ended(5, usd=None)
        found = past()
        assert found
        assert found["usd"] is None

    def test_a_run_without_a_length_is_taken_as_it_is(self) -> None:
        ended(5)
        Run.objects.update(task_spec={"topic": "T"})
        found = past()
        assert found
        assert found["scaled"] is False

    def test_it_looks_at_the_newest_only_with_two_queries(
        self, monkeypatch: Any, django_assert_num_queries: Any
    ) -> None:
        ended(12)
        Run.objects.filter(spent_tokens__gt=6000).update(created_at=timezone.now() - timedelta(days=3))
        monkeypatch.setattr(selector, "WINDOW", 6)
        with django_assert_num_queries(2) as queries:
            found = past()
        assert found
        assert (found["runs"], found["tokens"]["most"]) == (6, 6000)
        assert "LIMIT 1 OFFSET 5" in queries.captured_queries[0]["sql"]
        assert "LIMIT 200" in queries.captured_queries[0]["sql"]


class TestReckoning:
    PRICE = Price(Decimal(1), Decimal(10))

    def of(self, price: Price | None = PRICE, thinking: int = 0, **changes: Any) -> dict[str, Any]:
        return reckoning(asked(**changes), price, thinking)

    def test_it_counts_a_plan_and_each_section_and_each_revision(self) -> None:
        found = self.of(sections=6, max_revisions=2)
        assert (found["sections"], found["once"]["calls"], found["all"]["calls"]) == (6, 7, 21)
        assert found["all"]["tokens"] == 3 * found["once"]["tokens"]

    def test_more_words_sections_sources_and_thoughts_need_more(self) -> None:
        least = self.of()["once"]["tokens"]
        for more in (
            {"words": 5000},
            {"sections": 9},
            {"sources": [40_000] * 30},
            {"thinking": 500},
        ):
            assert self.of(**more)["once"]["tokens"] > least, more

    def test_a_search_brings_more_to_read(self) -> None:
        assert self.of(sources=[600], web_search=True)["once"]["tokens"] > self.of(sources=[600])["once"]["tokens"]

    def test_little_source_text_needs_less(self) -> None:
        assert self.of(sources=[600])["once"]["tokens"] < self.of()["once"]["tokens"]

    def test_without_a_price_no_money_is_reckoned(self) -> None:
        assert self.of(price=None)["once"]["usd"] is None
        assert self.of()["once"]["usd"] > 0

    def test_it_is_near_what_a_run_really_uses(self, model: Any, env: Any, start: Any, work: Any) -> None:
        env(autonomy_language_models=[])
        run = start(task_spec={"words": 100})
        work()
        run.refresh_from_db()
        calls = ProviderCall.objects.filter(run=run, outcome="ok")
        size = sum(len(source.original) for source in run.sources.all())
        found = self.of(words=100, sources=[size], sections=calls.count() - 1)["once"]
        assert run.spent_tokens / 2 < found["tokens"] < run.spent_tokens * 2

    def test_a_journey_with_a_graph_of_its_own_is_not_reckoned(self, journey: Any) -> None:
        found = estimate(journeys()["quick"], asked())
        assert (found["past"], found["reckoning"]) == (None, None)


class TestWords:
    def told(self, journey: str = "essay", sizes: Any = (), **data: str) -> dict[str, Any]:
        form = StartForm(journeys()[journey], {"topic": "Seas", "journey": journey, **data}, user=UserFactory())
        return words_of_cost.cost(form, sizes)

    def test_past_runs_are_named_by_their_number(self) -> None:
        ended(10)
        told = self.told()
        assert told["lead"].startswith("Of the last 10 runs of the journey Essay")
        assert told["rows"] == [
            ("Tokens", "5,000", "9,000"), ("Execution", "50 s", "1 min 30 s"), ("Money", "$0.05", "$0.09"),
        ]  # fmt: skip

    def test_a_limit_that_such_runs_cross_is_warned_of(self) -> None:
        ended(10)
        assert self.told()["warnings"] == []
        (warning,) = self.told(limit_tokens="8000")["warnings"]
        assert warning.startswith("More than one in ten of these runs used more than the limit of tokens")
        (warning,) = self.told(limit_usd="0.04")["warnings"]
        assert warning.startswith("Half of these runs used more than the limit of US dollars")

    def test_a_reckoning_says_that_it_is_one(self) -> None:
        told = self.told(headings="A\nB", words="500", max_revisions="1")
        assert told["lead"].startswith("A reckoning, since too few runs like this have ended: 500 words in 2 sections")
        assert told["heads"] == ["First draft accepted", "With the revision"]
        assert [row[0] for row in told["rows"]] == ["Calls", "Tokens", "Money"]
        assert self.told(max_revisions="0")["heads"] == ["First draft accepted"]

    def test_a_model_without_cost_is_called_free_and_one_without_price_unknown(self, env: Any) -> None:
        told = self.told(model="offline")
        assert "The model offline costs nothing." in told["notes"]
        assert "Money" not in [row[0] for row in told["rows"]]
        spec = LanguageModelSpec(kind="openai", name="own", base_url="http://127.0.0.1:9/v1", model="ours")
        env(autonomy_language_models=[spec])
        told = self.told()
        assert any("is not known here" in note for note in told["notes"])
        assert "Money" not in [row[0] for row in told["rows"]]

    def test_a_price_that_the_operator_has_set_is_reckoned_with(self, env: Any) -> None:
        spec = {"kind": "openai", "name": "own", "base_url": "http://127.0.0.1:9/v1", "model": "ours"}
        env(autonomy_language_models=[LanguageModelSpec(**spec, price_in=Decimal(1), price_out=Decimal(2))])
        assert "Money" in [row[0] for row in self.told()["rows"]]

    def test_a_journey_that_cannot_be_reckoned_says_so_and_names_its_limits(self, journey: Any) -> None:
        told = self.told("quick")
        assert "Nothing can be said yet" in told["lead"]
        assert told["limits"] == "200,000 tokens, 15 min of execution, $5.00"

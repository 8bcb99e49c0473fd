"""The list of runs: its columns, views, filters, chips and search, and what an address may ask of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from autonomy.console.run_list import nearest_limit, steps
from autonomy.console.status import badge
from autonomy.models import Run
from autonomy.selectors.run_search import FEW, searched
from autonomy.tests.factories import RunFactory, UserFactory
from autonomy.tests.test_console_verbs import LIST, told

pytestmark = pytest.mark.django_db


def titles(client: Client, **query: str) -> set[str]:
    answer = client.get(LIST, query)
    assert answer.status_code == 200
    return {run.title for run in answer.context["cl"].result_list}


def ended(outcome: str, **fields: Any) -> Run:
    status = outcome if outcome in ("failed", "cancelled") else "done"
    return RunFactory(status=status, outcome=outcome, ended_at=timezone.now(), **fields)


def born(run: Run, moment: datetime) -> Run:
    Run.objects.filter(pk=run.pk).update(created_at=moment)
    return run


class TestColumns:
    @pytest.mark.parametrize("status", ["queued", "running", "waiting_human"])
    def test_a_status_is_told_by_words_and_icon(self, status: str) -> None:
        told_as = badge(RunFactory.build(status=status))
        assert 'aria-hidden="true"' in told_as
        assert {"queued": "Queued", "running": "Running", "waiting_human": "Waiting for a report"}[status] in told_as

    @pytest.mark.parametrize(
        ("outcome", "words"),
        [("accepted", "Accepted"), ("budget_exceeded", "Budget exceeded"), ("failed", "Failed"),
         ("revisions_exhausted", "Revisions exhausted"), ("cancelled", "Cancelled")],
    )  # fmt: skip
    def test_an_end_is_told_by_its_outcome(self, outcome: str, words: str) -> None:
        assert words in badge(ended(outcome))

    def test_a_run_that_is_to_be_cancelled_says_so(self) -> None:
        assert "Being cancelled" in badge(RunFactory.build(status="running", cancel_requested_at=timezone.now()))

    def test_the_steps_name_the_node_that_is_next(self) -> None:
        assert ", step 4 of 5" in steps(RunFactory.build(route="critic"))
        assert "Ended at Draft" in steps(ended("failed", route="draft"))
        assert "All steps done" in steps(ended("accepted", route="END"))
        at_a_limit = steps(ended("budget_exceeded", route="END"))
        assert "Ended" in at_a_limit
        assert "console-mark-" not in at_a_limit, "nobody knows how far it had come"

    def test_the_meter_shows_the_limit_nearest_its_end_and_tells_all_three(self) -> None:
        cell = nearest_limit(RunFactory.build(spent_tokens=20_000, spent_seconds=450, spent_usd="1.25"))
        assert 'max="900' in cell
        assert "50 %" in cell
        for text in ("20,000 of 200,000 tokens", "7 min 30 s of 15 min", "$1.25 of $5.00"):
            assert text in cell

    def test_a_limit_of_nothing_is_no_trouble(self) -> None:
        assert "$0.00 of $0.00" in nearest_limit(RunFactory.build(limit_usd=0))

    def test_a_list_of_60_runs_takes_three_queries_and_counts_nothing(self, boss: Client) -> None:
        for n in range(60):
            RunFactory(title=f"Run {n}")
        boss.get(LIST)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            page = boss.get(LIST).content.decode()
        assert "Run 59" in page
        assert "Run 9<" not in page, "it stands on the next page"
        assert len(queries) <= 3
        assert not any("COUNT(" in query["sql"] for query in queries.captured_queries)


class TestPages:
    def test_the_next_page_is_offered_where_there_is_one(self, boss: Client) -> None:
        RunFactory.create_batch(50)
        assert 'rel="next"' not in boss.get(LIST).content.decode()
        RunFactory()
        first, second = (boss.get(LIST, {"p": str(n)}).content.decode() for n in (1, 2))
        assert 'rel="next"' in first
        assert 'rel="prev"' in second
        assert "Rows 51 to 51" in second

    def test_a_page_beyond_the_end_says_so(self, boss: Client) -> None:
        RunFactory()
        assert "nothing on this page any more" in boss.get(LIST, {"p": "9"}).content.decode()

    @pytest.mark.parametrize("page", ["0", "-1", "201", "9" * 30])
    def test_a_page_that_cannot_be_is_said(self, boss: Client, page: str) -> None:
        answer = boss.get(LIST, {"p": page}, follow=True)
        assert answer.status_code == 200
        assert "cannot be understood" in answer.content.decode()

    def test_only_the_age_sorts(self, boss: Client) -> None:
        for column in range(9):
            with CaptureQueriesContext(connection) as queries:
                boss.get(LIST, {"o": f"-{column}"})
            rows = next(one["sql"] for one in queries.captured_queries if 'FROM "autonomy_runs"' in one["sql"])
            assert rows.partition("ORDER BY")[2].strip().startswith('"autonomy_runs"."created_at"')


class TestViews:
    def views(self, client: Client, query: str = "") -> dict[str, str]:
        """The names of the views with their addresses; the current one's name with a star."""
        answer = client.get(f"{LIST}{query}")
        return {f"{one['name']}{'*' if one['current'] else ''}": one["url"] for one in answer.context["views"]}

    def test_each_view_is_an_address_and_says_when_it_is_the_current_one(self, boss: Client) -> None:
        for name, address in self.views(boss).items():
            answer = boss.get(address)
            (current,) = [one["name"] for one in answer.context["views"] if one["current"]]
            assert current == name.strip("*")
            assert answer.content.decode().count('aria-current="page"') >= 1

    def test_a_search_within_a_view_stays_in_it(self, boss: Client) -> None:
        assert "Running*" in self.views(boss, "?status__exact=running&q=sea&p=1")
        assert "All*" in self.views(boss, "?q=sea")
        assert not any(name.endswith("*") for name in self.views(boss, "?status__exact=running&owner=mara"))

    def test_they_show_what_they_say(self, boss: Client, superuser: User) -> None:
        RunFactory(title="going", status="running")
        RunFactory(title="waiting", status="waiting_human")
        RunFactory(title="mine", user=superuser)
        for outcome in ("failed", "budget_exceeded", "accepted", "cancelled"):
            ended(outcome, title=outcome)
        shown = {
            name.strip("*"): {run.title for run in boss.get(url).context["cl"].result_list}
            for name, url in self.views(boss).items()
        }
        assert shown.pop("All") == {"going", "waiting", "mine", "failed", "budget_exceeded", "accepted", "cancelled"}
        assert shown == {
            "Needs a person": {"waiting", "failed", "budget_exceeded"},
            "Running": {"going"},
            "Waiting for a report": {"waiting"},
            "Failed": {"failed"},
            "Over budget": {"budget_exceeded"},
            "Mine": {"mine"},
        }


class TestFilters:
    def test_each_chip_takes_just_itself_away(self, boss: Client) -> None:
        address = "?q=sea&status__exact=failed&journey=essay&owner=mara&created_from=2026-01-01&created_to=2026-02-01"
        chips = boss.get(f"{LIST}{address}").context["cl"].chips
        assert [(chip.name, chip.value) for chip in chips] == [
            ("Search", "sea"),
            ("Status", "Failed"),
            ("Journey", "Essay"),
            ("Created", "from 2026-01-01 to 2026-02-01"),
            ("Owner", "mara"),
        ]
        for chip in chips:
            left = boss.get(f"{LIST}{chip.without}").context["cl"].chips
            assert [one.name for one in left] == [one.name for one in chips if one is not chip]

    def test_all_are_cleared_at_once(self, boss: Client) -> None:
        page = boss.get(LIST, {"q": "sea", "journey": "essay"}).content.decode()
        assert '<a class="text-link" href="?">Clear all</a>' in page
        assert "Clear all" not in boss.get(LIST).content.decode()

    def test_empty_fields_of_a_form_are_no_filters(self, boss: Client) -> None:
        RunFactory(title="A run")
        query = {"owner": "", "created_from": "", "created_to": "", "q": " "}
        assert titles(boss, **query) == {"A run"}
        assert boss.get(LIST, query).context["cl"].chips == []

    def test_hostile_values_are_inert(self, boss: Client) -> None:
        probe = "<script>window.hacked=1</script>\"'"
        for name in ("q", "owner", "journey", "status__exact"):
            page = boss.get(LIST, {name: probe}).content.decode()
            assert "window.hacked" in page
            assert "<script>window" not in page

    def test_the_owner_is_found_by_name_or_by_a_part(self, boss: Client) -> None:
        RunFactory(title="one", user=UserFactory(username="anna"))
        RunFactory(title="two", user=UserFactory(username="johanna.b"))
        assert titles(boss, owner="anna") == {"one"}
        assert titles(boss, owner="ANNA") == {"one"}
        assert titles(boss, owner="annab") == set()
        assert titles(boss, owner="hanna") == {"two"}
        assert titles(boss, owner="nn") == {"one", "two"}

    def test_runs_by_when_they_were_created(self, boss: Client) -> None:
        today = timezone.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        born(RunFactory(title="today"), today)
        born(RunFactory(title="yesterday"), today - timedelta(seconds=1))
        born(RunFactory(title="week"), today - timedelta(days=6))
        born(RunFactory(title="month"), today - timedelta(days=29))
        born(RunFactory(title="old"), datetime(2020, 5, 17, 23, 59, tzinfo=UTC))
        assert titles(boss, created="today") == {"today"}
        assert titles(boss, created="week") == {"today", "yesterday", "week"}
        assert titles(boss, created="month") == {"today", "yesterday", "week", "month"}
        assert titles(boss, created_from="2020-05-17", created_to="2020-05-17") == {"old"}
        assert titles(boss, created_to="2020-05-16") == set()

    @pytest.mark.parametrize(
        "query",
        [
            {"created": "yesterday"},
            {"created_from": "soon"},
            {"created_to": "9999-12-31"},
            {"needs": "money"},
            {"title__icontains": "sea"},
            {"task_spec__topic": "sea"},
            {"nonsense": "1"},
            {"owner": "a\0b"},
            {"status__exact": "\0"},
            {"journey": "x" * 10_000},
            {"forked_from__id__exact": "nonsense"},
            {"_to_field": "title"},
            {"q": "a\0b"},
        ],
    )
    def test_what_cannot_be_understood_is_said_in_a_sentence(self, boss: Client, query: dict[str, str]) -> None:
        RunFactory(title="A run")
        answer = boss.get(LIST, query, follow=True)
        assert answer.status_code == 200
        assert "cannot be understood" in answer.content.decode()
        assert "A run" in answer.content.decode()

    def test_a_search_that_is_too_long_is_said(self, boss: Client) -> None:
        assert "A search takes up to 200 characters." in told(boss.get(LIST, {"q": "x" * 10_000}))[0]

    def test_an_unknown_value_finds_nothing(self, boss: Client) -> None:
        RunFactory()
        page = boss.get(LIST, {"status__exact": "nonsense"})
        assert "Nothing fits what is asked for." in page.content.decode()
        assert [chip.value for chip in page.context["cl"].chips] == ["nonsense"]


class TestSearch:
    def test_runs_are_found_by_the_beginnings_of_words(self, boss: Client) -> None:
        RunFactory(title="Rising seas: a State-of-the-Art review of Å and 3.5 %")
        RunFactory(title="Falling rivers")
        for text in ("sea", "SEAS ris", "state-of-the", "å", "3.5", "review"):
            assert len(titles(boss, q=text)) == 1, text
        assert titles(boss, q="seas rivers") == set()
        assert titles(boss, q="eas") == set(), "the middle of a word is no beginning"

    def test_runs_are_found_by_their_owner_and_by_their_id(self, boss: Client) -> None:
        run = RunFactory(title="That", user=UserFactory(username="mara.lindqvist"))
        RunFactory(title="Other")
        for text in ("mara.lindqvist", "lindq", str(run.pk), str(run.pk)[:13], run.pk.hex[:9]):
            assert titles(boss, q=text) == {"That"}, text

    @pytest.mark.parametrize("text", ["%", "_", "\\", "'", "':*", "&|!()", "<->", "' | 'x", "🙂", "a & !", "é\u0301"])
    def test_signs_of_a_language_of_search_are_just_signs(self, boss: Client, text: str) -> None:
        RunFactory(title="A run")
        assert boss.get(LIST, {"q": text}).status_code == 200
        if text != "a & !":
            assert titles(boss, q=text) == set()

    def test_a_search_asks_the_index_of_words_whatever_the_filters(self, boss: Client) -> None:
        RunFactory.create_batch(3, title="Sea walls")
        with CaptureQueriesContext(connection) as queries:
            assert titles(boss, q="sea", journey="essay") == {"Sea walls"}
        assert len(queries) <= 8
        assert not any("COUNT(" in query["sql"] for query in queries.captured_queries)

    def test_words_in_very_many_titles_find_them_all(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("autonomy.selectors.run_search.FEW", 2)
        assert FEW > 2
        RunFactory.create_batch(4, title="Sea walls")
        RunFactory(title="Mine", user=UserFactory(username="sea"))
        RunFactory(title="Other")
        assert searched(Run.objects.all(), "sea").count() == 5
        assert searched(Run.objects.filter(title="Mine"), "sea").count() == 1

    def test_the_plan_uses_the_index(self) -> None:
        RunFactory.create_batch(5)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            found = Run.objects.filter(pk__in=searched(Run.objects.all(), "sea").values("pk"))
            assert not found.exists()
            cursor.execute(
                "EXPLAIN SELECT id FROM autonomy_runs WHERE "
                "to_tsvector('simple'::regconfig, COALESCE(title, '')) @@ to_tsquery('simple'::regconfig, 'sea:*')"
            )
            assert "run_title_words" in str(cursor.fetchall())

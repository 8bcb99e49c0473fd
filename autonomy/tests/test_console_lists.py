"""Lists over tables that only grow: no count, no look at all rows, and a page that says how far back it looks."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from autonomy.console.read_only import RunRows
from autonomy.models import Checkpoint, Episode, Job, ProviderCall, Run, Source
from autonomy.tests.factories import RunFactory
from autonomy.tests.test_console import run_with_rows

pytestmark = pytest.mark.django_db

MODELS = {one._meta.model_name: one for one in (Episode, Checkpoint, Job, ProviderCall, Source)}
OTHERS = ["/admin/turnitin/cycle/", "/admin/turnitin/report/", "/admin/turnitin/submission/"]


def rows_of(client: Client, model: str, **query: str) -> Any:
    answer = client.get(f"/admin/autonomy/{model}/", query)
    assert answer.status_code == 200
    return answer.context["cl"]


@pytest.fixture
def short_sight(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the newest three rows are looked at."""
    for model in MODELS.values():
        monkeypatch.setattr(type(admin.site._registry[model]), "looked_at", 3)


@pytest.mark.parametrize("model", MODELS)
class TestEvery:
    def test_60_rows_take_three_queries_and_no_count(self, boss: Client, model: str) -> None:
        run_with_rows(60)
        with CaptureQueriesContext(connection) as queries:
            rows = rows_of(boss, model)
        assert len(rows.result_list) == 50
        assert rows.has_next
        assert len(queries) <= 4
        assert not any("COUNT(" in query["sql"] or "DISTINCT" in query["sql"] for query in queries.captured_queries)

    def test_a_search_takes_five_queries_and_no_count(self, boss: Client, model: str) -> None:
        run_with_rows(60, text="Needle")
        with CaptureQueriesContext(connection) as queries:
            assert len(rows_of(boss, model, q="needle").result_list) == 50
        assert len(queries) <= 5
        assert not any("COUNT(" in query["sql"] for query in queries.captured_queries)

    def test_each_row_links_to_its_run_by_title(self, boss: Client, model: str) -> None:
        run = run_with_rows(2, text="The run's title")
        page = boss.get(f"/admin/autonomy/{model}/").content.decode()
        assert page.count(f'href="/admin/autonomy/run/{run.pk}/change/"') == 2

    @pytest.mark.usefixtures("short_sight")
    def test_a_search_looks_at_the_newest_rows_and_says_so(self, boss: Client, model: str) -> None:
        run_with_rows(1, text="Needle")
        run_with_rows(3, text="Hay")
        rows = rows_of(boss, model, q="needle")
        assert (rows.bounded, list(rows.result_list)) == (True, [])
        page = boss.get(f"/admin/autonomy/{model}/", {"q": "needle"}).content.decode()
        assert "Looked at are the newest 3 " in page
        assert len(rows_of(boss, model, q="hay").result_list) == 3
        assert not rows_of(boss, model).bounded, "without a search there is nothing to look for"

    @pytest.mark.usefixtures("short_sight")
    def test_all_rows_of_one_run_are_found_however_old(self, boss: Client, model: str) -> None:
        old = run_with_rows(5, text="Old")
        run_with_rows(5, text="New")
        for query in ({"run__id__exact": str(old.pk)}, {"q": str(old.pk)}, {"q": old.pk.hex[:10]}):
            rows = rows_of(boss, model, **query)
            assert len(rows.result_list) == 5
            assert not rows.bounded

    def test_the_chip_of_a_run_has_its_title_and_takes_it_away(self, boss: Client, model: str) -> None:
        run = run_with_rows(1, text="That run")
        (chip,) = rows_of(boss, model, run__id__exact=str(run.pk)).chips
        assert (chip.name, chip.value, chip.without) == ("Run", "That run", "?")

    def test_only_the_age_sorts(self, boss: Client, model: str) -> None:
        run_with_rows(2)
        for column in range(9):
            assert set(rows_of(boss, model, o=str(column)).queryset.query.order_by) <= {"id", "-id"}, column

    def test_a_run_is_also_found_by_the_beginnings_of_its_words(
        self, boss: Client, model: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = run_with_rows(2, text="Hay")
        run_with_rows(1, text="Straw")
        Run.objects.filter(pk=run.pk).update(title="A Needle of steel")
        for few in (2000, 0):
            monkeypatch.setattr("autonomy.selectors.run_search.FEW", few)
            assert [row.run_id for row in rows_of(boss, model, q="STEEL need").result_list] == [run.pk] * 2
            assert not rows_of(boss, model, q="eedle").result_list, "the middle of a word is no beginning"
            assert not rows_of(boss, model, q="needle straw").result_list

    @pytest.mark.parametrize("query", [{}, {"o": "-1"}, {"o": "1"}])
    def test_the_rows_of_one_run_come_in_the_same_order_as_among_others(
        self, boss: Client, model: str, query: dict[str, str]
    ) -> None:
        run = run_with_rows(4)
        (age,) = [n for n, name in enumerate(rows_of(boss, model).list_display) if name == "age"]
        if "o" in query:
            query = {"o": query["o"].replace("1", str(age))}
        every = [row.pk for row in rows_of(boss, model, **query).result_list]
        for which in ({"run__id__exact": str(run.pk)}, {"q": str(run.pk)}):
            assert [row.pk for row in rows_of(boss, model, **which, **query).result_list] == every
        assert len(every) == 4

    @pytest.mark.parametrize(
        "query", [{"p": "0"}, {"run__id__exact": "x"}, {"run__title__icontains": "x"}, {"id__gt": "3"}, {"kind": "\0"}]
    )
    def test_what_cannot_be_understood_is_said(self, boss: Client, model: str, query: dict[str, str]) -> None:
        answer = boss.get(f"/admin/autonomy/{model}/", query, follow=True)
        assert answer.status_code == 200
        assert "cannot be understood" in answer.content.decode()


@pytest.mark.parametrize(
    ("model", "index"), [("episode", "episode_seq_unique_in_run"), ("providercall", "provider_call_of_run")]
)
def test_the_rows_of_one_run_are_read_along_their_index(boss: Client, model: str, index: str) -> None:
    """However many rows of others lie between them: a run with a tenth of all rows, the oldest ones."""
    run = run_with_rows(200)
    run_with_rows(1800)
    table = MODELS[model]._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {table}")
        cursor.execute("SET LOCAL enable_seqscan = off")
        plan = rows_of(boss, model, run__id__exact=str(run.pk)).queryset[:51].explain()
    assert index in plan
    assert f"{table}_pkey" not in plan


def test_a_phrase_in_quotes_is_one_thing_to_search_for(boss: Client) -> None:
    run_with_rows(1, text="sea wall")
    run_with_rows(1, text="a wall by the sea")
    Run.objects.update(title="Tides")
    assert len(rows_of(boss, "episode", q="sea wall").result_list) == 2
    assert [row.message for row in rows_of(boss, "episode", q='"sea wall"').result_list] == ["sea wall"]


@pytest.mark.usefixtures("short_sight")
def test_jobs_in_the_queue_are_found_however_old(boss: Client) -> None:
    run = RunFactory()
    Job.objects.create(run=run, user=run.user, kind="start", max_attempts=5)
    run_with_rows(5)
    assert len(rows_of(boss, "job", state__exact="queued").result_list) == 1
    assert rows_of(boss, "job", state__exact="failed").bounded


@pytest.mark.parametrize(
    ("model", "query", "count"),
    [("job", {"priority": "5"}, 2), ("job", {"priority": "1"}, 0), ("source", {"origin": "upload"}, 2),
     ("source", {"origin": "search"}, 0), ("providercall", {"outcome__exact": "final"}, 2),
     ("providercall", {"estimated__exact": "1"}, 0)],
)  # fmt: skip
def test_filters_name_their_values_without_asking_the_rows(
    boss: Client, model: str, query: dict[str, str], count: int
) -> None:
    run_with_rows(2)
    with CaptureQueriesContext(connection) as queries:
        assert len(rows_of(boss, model, **query).result_list) == count
    assert not any("DISTINCT" in one["sql"] for one in queries.captured_queries)


@pytest.mark.parametrize("address", OTHERS)
def test_turnitins_lists_are_not_counted_either(boss: Client, address: str) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert boss.get(address).status_code == 200
    assert not any("COUNT(" in one["sql"] for one in queries.captured_queries)


def test_every_list_of_rows_of_runs_is_bounded() -> None:
    assert all(isinstance(admin.site._registry[model], RunRows) for model in MODELS.values())
    assert all(admin.site._registry[model].looked_at for model in MODELS.values())

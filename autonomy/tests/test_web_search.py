"""The cascade: services asked in turn, and what comes of those that fail."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from autonomy.errors import ProviderRefused, ProviderUnavailable
from autonomy.models import ProviderCall
from autonomy.ports import Found
from autonomy.providers.attempt import AttemptFailed, Fault
from autonomy.providers.caller import Caller
from autonomy.tests.search_stage import SearchStage, crossref, crossref_work
from autonomy.tools.web_search import spacing
from autonomy.tools.web_search.brave import Brave
from autonomy.tools.web_search.cascade import WebSearch
from autonomy.tools.web_search.crossref import Crossref
from autonomy.tools.web_search.openalex import OpenAlex
from autonomy.tools.web_search.serper import Serper

pytestmark = pytest.mark.django_db(transaction=True)

LONG = "Walls that hold the shore also take its sand, year after year. " * 5


class Told:
    """Episodes, kept."""

    def __init__(self) -> None:
        self.all: list[tuple[str, dict[str, Any]]] = []

    def note(self, kind: str, message: str, **data: Any) -> None:
        self.all.append((kind, data))

    now = note

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [data for one, data in self.all if one == kind]


@pytest.fixture
def stage() -> Iterator[SearchStage]:
    stage = SearchStage()
    yield stage
    stage.close()


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def search(stage, told, start, settings) -> Callable[..., list[Found]]:
    """A search through these services, each attempted once."""
    settings.ENV = settings.ENV.model_copy(update={"autonomy_provider_attempts": 1})
    run_id: UUID = start().pk
    caller = Caller(run_id=run_id, node="plan", episodes=told, proceed=lambda: None, seconds=lambda: (900.0, 0.0))

    def search_once(*names: str, limit: int = 2) -> list[Found]:
        made = {
            "crossref": Crossref(url=stage.url("crossref")),
            "openalex": OpenAlex(key="k", url=stage.url("openalex")),
            "serper": Serper(key="k", url=stage.url("serper")),
            "brave": Brave(key="k", url=stage.url("brave")),
        }
        return WebSearch([made[name] for name in names], caller).search("sea walls", limit)

    return search_once


def pages(*names: str, text: str = LONG) -> dict[str, Any]:
    return {
        "organic": [{"title": name, "link": f"https://x.org/{name}", "snippet": f"{name}: {text}"} for name in names]
    }


def test_services_are_asked_in_turn_until_there_are_enough_works_with_text(search, stage):
    stage.says("crossref", crossref(crossref_work("10.1000/a", "A", LONG), crossref_work("10.1000/b", "B")))
    stage.says("serper", pages("c"))
    stage.says("brave", {})
    found = search("crossref", "serper", "brave")
    assert [name for name, _ in stage.asked] == ["crossref", "serper"]
    assert [one.title for one in found] == ["A", "c"], "those that can be quoted come first, and no more than asked"


def test_each_attempt_stands_in_the_ledger_with_its_price(search, stage):
    stage.says("crossref", crossref(crossref_work("10.1000/a", "A", LONG)))
    stage.says("serper", pages("c"))
    search("crossref", "serper")
    calls = list(ProviderCall.objects.order_by("pk").values_list("kind", "provider", "outcome", "usd"))
    assert [(kind, provider, outcome, float(usd)) for kind, provider, outcome, usd in calls] == [
        ("search", "crossref", "ok", 0.0),
        ("search", "serper", "ok", 0.001),
    ]


def test_a_service_that_fails_is_passed_over_visibly(search, stage, told):
    stage.says("crossref", "", 503)
    stage.says("serper", pages("c"))
    assert [one.title for one in search("crossref", "serper")] == ["c"]
    (fallback,) = told.of("fallback")
    assert (fallback["provider"], fallback["next"]) == ("crossref", "serper")
    assert fallback["reason"] == "HTTP 503: service unavailable"


def test_the_last_service_that_fails_is_visible_too(search, stage, told):
    stage.says("serper", pages("c"))
    stage.says("crossref", "<html>", 200)
    assert [one.title for one in search("serper", "crossref")] == ["c"]
    (fallback,) = told.of("fallback")
    assert (fallback["provider"], fallback["next"]) == ("crossref", None)


@pytest.mark.parametrize("broken", [(503, ""), (200, "<html>"), (429, "")])
def test_nothing_found_while_somebody_failed_is_an_error_and_no_empty_list(broken, search, stage):
    status, body = broken
    stage.says("crossref", body, status)
    stage.says("serper", pages())
    with pytest.raises(ProviderUnavailable) as raised:
        search("crossref", "serper")
    assert set(raised.value.details["reasons"]) == {"crossref"}
    assert "crossref: " in raised.value.message


def test_when_all_fail_the_error_names_each_and_why(search, stage):
    stage.says("crossref", "", 503)
    stage.says("serper", "", 500)
    with pytest.raises(ProviderUnavailable) as raised:
        search("crossref", "serper")
    assert raised.value.details["reasons"] == {
        "crossref": "HTTP 503: service unavailable",
        "serper": "HTTP 500: internal server error",
    }


def test_what_all_honestly_do_not_have_is_an_empty_list(search, stage, told):
    stage.says("crossref", crossref())
    stage.says("serper", pages())
    assert search("crossref", "serper") == []
    assert told.all == []


@pytest.mark.parametrize("status", [400, 404, 422])
def test_a_request_that_is_wrong_is_not_taken_to_the_next_service(status, search, stage):
    stage.says("crossref", "", status)
    stage.says("serper", pages("c"))
    with pytest.raises(ProviderRefused):
        search("crossref", "serper")
    assert [name for name, _ in stage.asked] == ["crossref"]


def test_without_a_service_there_is_an_error_that_says_how_to_name_one(search):
    with pytest.raises(ProviderUnavailable, match="AUTONOMY_SEARCH"):
        search()


def test_a_retracted_work_is_left_out_once_and_by_whom_it_is_called_so(search, stage, told):
    openalex = {"display_name": "A", "doi": "https://doi.org/10.1000/A", "is_retracted": True}
    stage.says("crossref", crossref(crossref_work("10.1000/a", "A", LONG)))
    stage.says("openalex", {"results": [openalex]})
    stage.says("serper", pages("c"))
    assert [one.title for one in search("crossref", "openalex", "serper")] == ["c"]
    assert told.of("source_retracted") == [{"title": "A", "doi": "10.1000/a", "says": ["openalex"]}]


# --- turns ---


@pytest.fixture
def free_turns(settings) -> Iterator[str]:
    name = f"tests-{uuid4()}"
    yield name
    redis.Redis(**settings.REDIS_OPTIONS).delete(f"autonomy:search:turn:{name}")


@pytest.mark.parametrize("redis_is_there", [True, False])
def test_two_calls_at_a_service_keep_their_distance_with_and_without_redis(redis_is_there, free_turns, monkeypatch):
    away = redis.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))
    if not redis_is_there:
        monkeypatch.setattr(spacing, "_redis", lambda: away)
    waits: list[float] = []

    class Enough(Exception):
        pass

    def wait(seconds: float) -> None:
        waits.append(seconds)
        raise Enough

    spacing.take_turn(free_turns, 30.0, within=60, wait=wait)
    assert waits == []
    with pytest.raises(Enough):
        spacing.take_turn(free_turns, 30.0, within=60, wait=wait)
    assert 0 < waits[0] <= 30


def test_a_turn_that_comes_too_late_is_not_waited_for(free_turns):
    def wait(seconds: float) -> None:
        raise AssertionError("it waits")

    spacing.take_turn(free_turns, 30.0, within=1, wait=wait)
    with pytest.raises(AttemptFailed) as failed:
        spacing.take_turn(free_turns, 30.0, within=1, wait=wait)
    assert failed.value.fault is Fault.TRANSIENT


def test_of_many_threads_one_at_a_time_gets_a_turn(free_turns):
    got = []
    barrier = threading.Barrier(8)

    def ask() -> None:
        barrier.wait()
        try:
            spacing.take_turn(free_turns, 30.0, within=1, wait=lambda seconds: None)
            got.append(True)
        except AttemptFailed:
            pass

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1

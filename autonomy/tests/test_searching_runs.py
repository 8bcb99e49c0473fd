"""Runs that look for their sources, from start to hand-off, against a local server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from autonomy.errors import InvalidInput
from autonomy.models import Episode, Job, Passage, ProviderCall, Run, Source
from autonomy.providers.breaker import breaker
from autonomy.runtime import commit, queue, step
from autonomy.services.fork_run import fork_run
from autonomy.services.start_run import GivenSource, start_run
from autonomy.tests.clients import client_of
from autonomy.tests.factories import UserFactory
from autonomy.tests.search_stage import SearchStage, crossref, crossref_work
from turnitin.models import Cycle

pytestmark = pytest.mark.django_db(transaction=True)

WALLS = (
    "A sea wall is built along the shore to keep the waves out of a town. Engineers place rock at the foot of the sea "
    "wall, because the waves that meet a wall are thrown back and take the beach away. A sea wall protects a town only "
    "as long as somebody keeps the wall in repair, and each raising costs more than the last one did."
)
BEACHES = (
    "A beach is a store of sand that the waves move every day. A wide beach breaks the storm waves before they reach a "
    "sea wall or the houses behind it. Where walls cut off the supply of sand, the beach grows narrow, and towns bring "
    "new sand from the sea bed every few years to keep the beach and its visitors."
)
MARSHES = (
    "Salt marshes before a sea wall take the force out of the waves. A marsh grows with the sea where rivers bring mud "
    "to it, and dies where sea walls leave it no room. Many towns now move the sea wall back and let a marsh grow, "
    "which costs less than raising the wall and keeps the shore alive for birds and fish."
)


@pytest.fixture
def stage(settings) -> Iterator[SearchStage]:
    """Crossref and Serper are configured, each with one attempt."""
    stage = SearchStage()
    changed = {
        "autonomy_search": ["crossref", "serper"],
        "autonomy_search_urls": {name: stage.url(name) for name in ("crossref", "serper")},
        "autonomy_provider_attempts": 1,
    }
    settings.ENV = settings.ENV.model_copy(update=changed)
    stage.says(
        "crossref",
        crossref(
            crossref_work("10.1000/walls", "What sea walls do to towns", WALLS),
            crossref_work("10.1000/short", "A work without an abstract"),
            crossref_work("10.1000/gone", "RETRACTED: Walls of glass", BEACHES),
        ),
    )
    pages = [
        {"title": "Beaches and sand", "link": "https://beach.example.org/sand", "snippet": BEACHES},
        {"title": "Marshes before the wall", "link": "https://marsh.example.org/", "snippet": MARSHES},
    ]
    stage.says("serper", {"organic": pages})
    yield stage
    stage.close()


def searching(*sources: GivenSource, **task: Any) -> Run:
    task_spec = {"topic": "What sea walls do to beaches", "words": 150, "web_search": True} | task
    return start_run(owner=UserFactory(), journey="essay", task_spec=task_spec, sources=sources)[0]


def told(run: Run, kind: str) -> list[dict[str, Any]]:
    return list(Episode.objects.filter(run=run, kind=kind).order_by("seq").values_list("data", flat=True))


def test_a_run_without_sources_of_its_own_cites_the_works_it_found_and_nothing_else(stage, work):
    run = searching()
    work()
    run.refresh_from_db()
    assert (run.status, run.route) == ("waiting_human", "turnitin_pause"), run.reason
    found = Source.objects.filter(run=run)
    assert {source.origin for source in found} == {"search"}
    markdown = draft_of(run)
    cited = set(re.findall(r"@([a-z0-9-]+)", markdown))
    assert cited
    assert cited <= {source.key for source in found}
    walls = found.get(key="what-sea-walls-do")
    assert (walls.csl["DOI"], walls.csl["author"]) == ("10.1000/walls", [{"family": "Marsh", "given": "Ada"}])
    assert bytes(walls.original).decode() == WALLS


def draft_of(run: Run) -> str:
    from autonomy.selectors.runs import snapshot

    return snapshot(run)["draft"]["markdown"]


def test_a_search_says_what_was_asked_who_found_how_much_and_what_was_left_out(stage, work):
    run = searching()
    work()
    searched = told(run, "searched")[0]
    assert searched == {
        "query": "What sea walls do to beaches",
        "providers": {"crossref": 2, "serper": 2},
        "found": 4,
        "new": 3,
        "left_out": ["A work without an abstract"],
    }
    assert {one["doi"] or one["url"] for one in told(run, "source_found")} >= {
        "10.1000/walls",
        "https://beach.example.org/sand",
        "https://marsh.example.org/",
    }
    (retracted,) = told(run, "source_retracted")
    assert (retracted["doi"], retracted["says"]) == ("10.1000/gone", ["crossref"])
    assert not Source.objects.filter(run=run, title__icontains="glass").exists()


def test_a_query_is_put_once_in_a_run_also_when_it_is_revised(stage, work):
    from turnitin.deliver_report import deliver_report

    run = searching()
    work()
    cycle = Cycle.objects.get(run=run)
    deliver_report(
        run_id=run.pk, cycle_id=cycle.pk, report_url="https://r.example.org/1", observed_similarity=0.5, actor=None
    )
    work()
    run.refresh_from_db()
    assert run.revision == 1
    queries = [one["query"] for one in told(run, "searched")]
    assert len(queries) == len(set(queries))
    assert queries.count("What sea walls do to beaches") == 1


def test_its_own_sources_and_those_it_finds_are_both_used(stage, work):
    run = searching(GivenSource("marshes.txt", MARSHES.encode()))
    work()
    run.refresh_from_db()
    assert run.status == "waiting_human", run.reason
    origins = set(Source.objects.filter(run=run).values_list("origin", flat=True))
    assert origins == {"upload", "search"}
    used = {one["key"] for one in state_of(run)["sources"] if one["passages"]}
    assert used & set(Source.objects.filter(run=run, origin="upload").values_list("key", flat=True))
    assert used & set(Source.objects.filter(run=run, origin="search").values_list("key", flat=True))


def state_of(run: Run) -> dict[str, Any]:
    from autonomy.checkpoints.saver import PostgresSaver

    newest = PostgresSaver().get_tuple({"configurable": {"thread_id": str(run.pk), "checkpoint_ns": ""}})
    assert newest
    return newest.checkpoint["channel_values"]


def test_a_section_that_its_sources_say_too_little_of_is_looked_after(model, stage, work):
    """The model's plan has one section, with the query “sea wall waves”."""
    stage.says("crossref", crossref())
    answers = {
        "Town finances": [],
        "sea wall waves": [{"title": "Walls", "link": "https://w.example.org/", "snippet": WALLS}],
    }
    stage.answers["serper"] = lambda asked: (200, {}, {"organic": answers[asked["q"]]})
    run = searching(GivenSource("money.txt", b"Taxes pay for roads. " * 30), topic="Town finances")
    work()
    run.refresh_from_db()
    assert run.status == "waiting_human", run.reason
    assert [(one["query"], one["new"]) for one in told(run, "searched")] == [
        ("Town finances", 0),
        ("sea wall waves", 1),
    ]
    assert "@walls" in draft_of(run)


def test_a_run_that_did_not_ask_for_a_search_makes_none(model, stage, start, work):
    run = start()
    work()
    assert stage.asked == []
    assert told(run, "searched") == []


def test_nothing_found_and_no_source_of_its_own_fails_the_run_with_the_reason(stage, work):
    stage.says("crossref", crossref())
    stage.says("serper", {"organic": []})
    run = searching()
    work()
    run.refresh_from_db()
    assert (run.status, run.outcome) == ("failed", "failed")
    assert "The search found nothing on this topic" in run.reason


def test_services_that_are_down_fail_the_run_and_a_retry_goes_on_from_there(stage, work):
    from autonomy.services.retry_run import retry_run

    answers = dict(stage.answers)
    stage.says("crossref", "", 503)
    stage.says("serper", "", 503)
    run = searching()
    work()
    run.refresh_from_db()
    assert run.status == "failed"
    assert "crossref: HTTP 503" in run.reason
    assert "serper: HTTP 503" in run.reason
    assert not Source.objects.filter(run=run).exists()
    stage.answers = answers
    retry_run(run_id=run.pk, actor=run.user)
    work()
    run.refresh_from_db()
    assert run.status == "waiting_human", run.reason


def test_a_worker_lost_after_the_search_leaves_no_double_rows(stage, work, monkeypatch):
    """The first commit of the search fails as if the worker were gone; another one does the superstep again."""
    run = searching()
    real, lost = commit.superstep, []

    def lose_the_first(claim: Any, *args: Any) -> None:
        if not lost:
            lost.append(claim)
            Job.objects.filter(pk=claim.job_id).update(state="queued", lease_token=None, lease_expires_at=None)
        real(claim, *args)

    monkeypatch.setattr(commit, "superstep", lose_the_first)
    claim = queue.claim()
    assert claim
    step.execute(claim)
    assert (Source.objects.count(), Passage.objects.count(), told(run, "source_found")) == (0, 0, [])
    paid = ProviderCall.objects.filter(kind="search").count()
    assert paid == 2, "what was spent stays spent"
    work()
    run.refresh_from_db()
    assert run.status == "waiting_human", run.reason
    found = list(Source.objects.filter(run=run).values_list("title", flat=True))
    assert len(found) == len(set(found))
    assert len(told(run, "source_found")) == len(found)


def test_a_fork_has_what_was_found_and_does_not_look_for_it_again(stage, work):
    run = searching()
    work()
    asked = len(stage.asked)
    fork, _ = fork_run(run_id=run.pk, actor=run.user, patch={"route": "plan"})
    work()
    fork.refresh_from_db()
    assert fork.status == "waiting_human", fork.reason
    assert Source.objects.filter(run=fork).count() == Source.objects.filter(run=run).count()
    assert len(stage.asked) == asked


@pytest.fixture
def no_search(settings) -> None:
    settings.ENV = settings.ENV.model_copy(update={"autonomy_search": []})


def test_where_no_service_is_configured_a_search_is_refused_with_a_sentence(no_search):
    with pytest.raises(InvalidInput) as refused:
        searching(GivenSource("a.txt", b"text"))
    (hint,) = refused.value.details["fields"]["task_spec.web_search"]
    assert "AUTONOMY_SEARCH" in hint


def test_a_fork_cannot_ask_for_a_search_that_nobody_can_make_either(model, no_search, start):
    run = start()
    with pytest.raises(InvalidInput) as refused:
        fork_run(run_id=run.pk, actor=run.user, patch={"task": {"web_search": True}})
    assert "patch.task.web_search" in refused.value.details["fields"]


def test_over_the_api_a_run_starts_without_sources_only_with_a_search(stage):
    client = client_of(UserFactory())
    asked = {"journey": "essay", "task_spec": {"topic": "Sea walls"}}
    refused = client.post("/api/v2/runs", asked, format="json")
    assert refused.status_code == 400
    assert "web_search" in refused.json()["message"]
    asked["task_spec"]["web_search"] = True
    assert client.post("/api/v2/runs", asked, format="json").status_code == 201


def test_the_start_form_has_the_search_and_names_who_is_asked(stage, boss):
    page = boss.get("/admin/autonomy/run/add/").content.decode()
    assert "crossref, serper" in page
    form = {
        "journey": "essay", "topic": "Sea walls", "owner": "mara", "priority": "5", "web_search": "on",
        "pasted-TOTAL_FORMS": "0", "pasted-INITIAL_FORMS": "0",
    }  # fmt: skip
    answer = boss.post("/admin/autonomy/run/add/", form)
    assert answer.status_code == 302, answer.context["form"].errors
    assert Run.objects.get().task_spec["web_search"] is True


@pytest.mark.parametrize(
    ("csl", "href"),
    [
        ({"DOI": "10.1000/a", "URL": "https://x.org/"}, 'href="https://doi.org/10.1000/a"'),
        ({"URL": "https://x.org/?a=1&b=<i>"}, None),
        ({"URL": "https://x.org/?a=1&b=2"}, 'href="https://x.org/?a=1&amp;b=2"'),
        ({"URL": "javascript://x.org/%0aalert(1)"}, None),
        ({"DOI": '10.1000/"><script>'}, None),
        ({}, None),
    ],
)
def test_the_console_links_to_a_found_work_safely(csl, href, start, boss):
    source = Source.objects.get(run=start())
    Source.objects.filter(pk=source.pk).update(csl=csl)
    page = boss.get(f"/admin/autonomy/source/{source.pk}/change/").content.decode()
    if href:
        assert f'{href} target="_blank" rel="noopener noreferrer"' in page
    else:
        assert 'target="_blank" rel="noopener noreferrer">' not in page
        assert 'href="javascript' not in page


def all_down(stage: SearchStage, **headers: str) -> None:
    for name in ("crossref", "serper"):
        stage.says(name, "", 503, **headers)


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "900"}])
def test_a_run_with_sources_of_its_own_goes_on_without_a_search_that_fails_and_says_so(stage, work, headers):
    all_down(stage, **headers)
    run = searching(GivenSource("marshes.txt", MARSHES.encode()), GivenSource("walls.txt", WALLS.encode()))
    work()
    run.refresh_from_db()
    assert run.status == "waiting_human", run.reason
    first = told(run, "search_failed")[0]
    assert first["query"] == "What sea walls do to beaches"
    assert set(first["reasons"]) == {"crossref", "serper"}
    assert told(run, "searched") == [], "a search that failed is not one that found nothing"


def test_a_fork_at_the_plan_puts_a_query_again_that_could_not_be_put(stage, work):
    answers = dict(stage.answers)
    all_down(stage)
    run = searching(GivenSource("marshes.txt", MARSHES.encode()), GivenSource("walls.txt", WALLS.encode()))
    work()
    stage.answers = answers
    for name in ("crossref", "serper"):
        breaker().forget(f"search:{name}")
    fork, _ = fork_run(run_id=run.pk, actor=run.user, patch={"route": "plan"})
    work()
    fork.refresh_from_db()
    assert fork.status == "waiting_human", fork.reason
    assert Source.objects.filter(run=fork, origin="search").exists()


def test_sources_that_cannot_be_read_are_no_sources_to_go_on_with(stage, work):
    all_down(stage)
    run = searching(GivenSource("broken.pdf", b"no pdf"))
    work()
    run.refresh_from_db()
    assert run.status == "failed"
    assert "crossref: HTTP 503" in run.reason


def test_where_no_section_can_be_supported_the_search_that_failed_is_the_reason(model, stage, work):
    """The model's plan has one section, with the query “sea wall waves”, of which the source says nothing."""
    all_down(stage)
    run = searching(GivenSource("money.txt", b"Taxes pay for roads. " * 30), topic="Town finances")
    work()
    run.refresh_from_db()
    assert run.status == "failed"
    assert "not every search service answered" in run.reason


@pytest.mark.parametrize("abstract", [WALLS, ""])
def test_works_that_are_all_retracted_or_have_no_text_end_the_run_with_a_sentence(stage, work, abstract):
    title = "RETRACTED: Walls of glass" if abstract else "Walls of glass"
    stage.says("crossref", crossref(crossref_work("10.1000/gone", title, abstract)))
    stage.says("serper", {"organic": []})
    run = searching()
    work()
    run.refresh_from_db()
    assert "The search found nothing on this topic that could be quoted" in run.reason


def test_the_page_of_a_run_links_to_what_it_found_and_names_the_files_it_was_given(stage, work, boss):
    run = searching(GivenSource("marshes.txt", MARSHES.encode()))
    work()
    page = boss.get(f"/admin/autonomy/run/{run.pk}/sources/").content.decode()
    assert 'href="https://doi.org/10.1000/walls" target="_blank" rel="noopener noreferrer"' in page
    assert "marshes.txt" in page

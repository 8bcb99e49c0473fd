"""A run, or its journey, names the language model that is asked first."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from autonomy.demo.stage import Stage
from autonomy.errors import InvalidInput
from autonomy.journeys.registry import journeys
from autonomy.models import Episode, ProviderCall, Run
from autonomy.services.fork_run import fork_run
from autonomy.tests.clients import client_of
from autonomy.tests.factories import UserFactory
from config.language_models import LanguageModelSpec

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stage(settings) -> Iterator[Stage]:
    """Two played language models, first and second, in that order."""
    with Stage() as stage:
        configure(settings, stage, "first", "second")
        yield stage


def configure(settings, stage: Stage, *names: str) -> None:
    specs = [
        LanguageModelSpec(kind="openai", name=name, base_url=f"{stage.at(name)}/v1", model=f"{name}-played")
        for name in names
    ]
    settings.ENV = settings.ENV.model_copy(update={"autonomy_language_models": specs})


def asked(run: Run) -> set[str]:
    return set(ProviderCall.objects.filter(run=run).values_list("provider", flat=True))


def test_the_named_model_is_asked_first(stage, start, work):
    run = start(task_spec={"model": "second"})
    work()
    run.refresh_from_db()
    assert (run.status, asked(run)) == ("waiting_human", {"second"})


def test_the_others_follow_in_their_order(stage, start, work):
    stage.provider("second").script("quota*")
    run = start(task_spec={"model": "second"})
    work()
    run.refresh_from_db()
    assert run.status == "waiting_human", run.reason
    fallback = Episode.objects.filter(run=run, kind="fallback").first()
    assert (fallback.data["provider"], fallback.data["next"]) == ("second", "first")


def test_a_journey_may_name_one_and_the_run_another(stage, start, work, monkeypatch):
    essay = dataclasses.replace(journeys()["essay"], model="second")
    monkeypatch.setitem(journeys(), "essay", essay)
    by_journey, by_run = start(), start(task_spec={"model": "first"})
    work()
    assert (asked(by_journey), asked(by_run)) == ({"second"}, {"first"})


def test_a_name_that_is_not_configured_is_refused_with_those_that_are(stage):
    body = {"topic": "Sea walls", "model": "third", "sources": [{"title": "Walls", "text": "A wall."}]}
    answer = client_of(UserFactory()).post("/api/v2/runs", {"journey": "essay", "task_spec": body}, format="json")
    assert answer.status_code == 400
    (hint,) = answer.json()["details"]["fields"]["task_spec.model"]
    assert "first and second" in hint
    assert not Run.objects.exists()


def test_a_model_that_is_configured_no_longer_stops_no_run(stage, settings, start, work):
    run = start(task_spec={"model": "second"})
    configure(settings, stage, "first")
    work()
    run.refresh_from_db()
    assert (run.status, asked(run)) == ("waiting_human", {"first"})


def test_a_fork_may_ask_for_another_model_that_there_is(stage, settings, start, work):
    run = start()
    work()
    with pytest.raises(InvalidInput) as refused:
        fork_run(run_id=run.pk, actor=run.user, patch={"route": "draft", "task": {"model": "third"}})
    assert "patch.task.model" in refused.value.details["fields"]
    fork, _ = fork_run(run_id=run.pk, actor=run.user, patch={"route": "draft", "task": {"model": "second"}})
    work()
    assert asked(fork) == {"second"}
    configure(settings, stage, "first")
    fork_run(run_id=fork.pk, actor=run.user, patch={"route": "draft", "task": {"words": 120}})  # it names no model


FORM = {
    "journey": "essay", "topic": "Sea walls", "owner": "mara", "priority": "5", "model": "second",
    "pasted-TOTAL_FORMS": "1", "pasted-INITIAL_FORMS": "0", "pasted-0-title": "Walls", "pasted-0-text": "A wall.",
}  # fmt: skip


def test_the_start_form_offers_the_models(stage, boss):
    page = boss.get("/admin/autonomy/run/add/").content.decode()
    assert '<option value="second">second (second-played)</option>' in page
    answer = boss.post("/admin/autonomy/run/add/", FORM)
    assert answer.status_code == 302, answer.context["form"].errors
    run = Run.objects.get()
    assert run.task_spec["model"] == "second"
    assert "second is asked first." in boss.get(f"/admin/autonomy/run/{run.pk}/task/").content.decode()


def test_where_there_is_one_model_there_is_nothing_to_choose(stage, settings, boss):
    configure(settings, stage, "first")
    assert 'name="model"' not in boss.get("/admin/autonomy/run/add/").content.decode()

"""A draft is written section by section: each is committed, and paid for, once."""

from __future__ import annotations

import pytest
from django.db.models import F

from autonomy.checkpoints.saver import PostgresSaver
from autonomy.errors import InvalidInput
from autonomy.models import Checkpoint, Episode, Job, ProviderCall, Run
from autonomy.runtime import queue, recovery, step
from autonomy.selectors.runs import snapshot
from autonomy.services.cancel_run import cancel_run
from autonomy.services.fork_run import fork_run
from autonomy.services.raise_budget import raise_budget
from autonomy.services.retry_run import retry_run
from autonomy.services.start_run import GivenSource
from autonomy.tests import scripted
from autonomy.tests.clients import staff
from autonomy.tests.factories import UserFactory
from autonomy.tests.scripted import write_section
from turnitin.deliver_report import deliver_report
from turnitin.models import Cycle

pytestmark = pytest.mark.django_db(transaction=True)

HEADINGS = ["Waves", "Repair", "Raising", "Houses"]
QUERIES = ["waves meet the wall", "rock at the foot", "raised again sea rises", "lift their houses posts"]


@pytest.fixture
def mara():
    return UserFactory(username="mara", is_staff=True)


@pytest.fixture
def four(model, monkeypatch):
    """Four sections, each with a source of its own to speak to it."""

    def plan(request):
        sections = [
            {"heading": heading, "question": f"What of {heading}?", "words": 70, "queries": [query]}
            for heading, query in zip(HEADINGS, QUERIES, strict=True)
        ]
        return {"title": "On sea walls", "sections": sections}

    monkeypatch.setattr(scripted, "plan_of", plan)
    model.section = lambda request: write_section(request).replace("plainly", f"plainly {len(model.requests)}")
    return model


@pytest.fixture
def begin(four, start):
    def begin_one(**task_spec):
        sources = [
            GivenSource("waves.txt", b"The waves meet the wall and are thrown back to the beach by its stones. " * 6),
            GivenSource("rock.txt", b"Masons place rock at the foot of a dam before the winter storms begin. " * 6),
            GivenSource("raise.txt", b"It must be raised again when the sea rises, and that costs a great deal. " * 6),
            GivenSource("houses.txt", b"Some people lift their houses on posts and let the water come and go. " * 6),
        ]
        return start(task_spec={"words": 280, **task_spec}, sources=sources)

    return begin_one


def asked_for(model):
    return [request.material["heading"] for request in model.requests if request.purpose == "section"]


def state_of(run):
    saved = PostgresSaver().get_tuple({"configurable": {"thread_id": str(run.pk), "checkpoint_ns": ""}})
    return saved.checkpoint["channel_values"]


def of(run):
    run.refresh_from_db()
    return run.status, run.outcome, run.route


def at(model, heading, act):
    """Do it, once, while this section is asked for."""
    left = [True]

    def do(request):
        if request.material.get("heading") == heading and left:
            left.clear()
            act()

    model.before = do


def fail(error):
    raise error


def use_up_the_tokens(run):
    Run.objects.filter(pk=run.pk).update(spent_tokens=F("limit_tokens"))


def headings_of(markdown):
    return [line.removeprefix("## ") for line in markdown.splitlines() if line.startswith("## ")]


def texts(sections):
    return [one["markdown"] for one in sections]


def deliver(run, similarity):
    cycle = Cycle.objects.filter(run=run).latest("number")
    url = f"https://reports.example.org/{cycle.number}"
    deliver_report(run_id=run.pk, cycle_id=cycle.pk, report_url=url, observed_similarity=similarity, actor=None)


def test_each_section_is_a_superstep_and_the_draft_is_told_once_it_is_whole(four, begin, work):
    run = begin()
    work()
    assert of(run) == ("waiting_human", "", "turnitin_pause")
    assert run.supersteps == 2 + 4 + 2
    assert asked_for(four) == HEADINGS
    told = Episode.objects.filter(run=run, node="draft").order_by("seq")
    kinds = [episode.kind for episode in told]
    assert kinds == [*["progress", "node_finished"] * 3, "progress", "drafted", "node_finished"]
    assert [e.data["done"] for e in told.filter(kind="progress")] == [1, 2, 3, 4]
    assert headings_of(snapshot(run)["draft"]["markdown"]) == HEADINGS
    assert snapshot(run)["draft"]["whole"]
    assert "under_way" not in state_of(run)["draft"]


def test_a_quotation_of_an_earlier_section_is_still_to_be_avoided(four, begin, work):
    begin()
    work()
    avoided = [len(request.material["avoid"]) for request in four.requests if request.purpose == "section"]
    assert avoided == [0, 1, 2, 3]


# --- workers that fail, turns that are over, people who cancel ---


def test_a_worker_lost_in_the_third_section_costs_that_section_again_and_no_other(four, begin, work):
    run = begin()

    def lose_the_lease():
        lost = False
        while not lost:  # a heartbeat may come in between
            Job.objects.update(lease_expires_at=run.created_at)
            lost = recovery.give_back(Job.objects.get())

    at(four, "Raising", lose_the_lease)
    work()
    assert of(run)[0] == "waiting_human"
    assert asked_for(four) == ["Waves", "Repair", "Raising", "Raising", "Houses"]
    assert ProviderCall.objects.filter(run=run, node="draft").count() == 5
    assert headings_of(snapshot(run)["draft"]["markdown"]) == HEADINGS


def test_a_run_that_failed_in_a_section_is_retried_from_there(four, begin, work, mara):
    run = begin()
    at(four, "Raising", lambda: fail(KeyError("It broke.")))
    work()
    assert of(run) == ("failed", "failed", "draft")
    retry_run(run_id=run.pk, actor=mara)
    work()
    assert of(run)[0] == "waiting_human"
    assert asked_for(four) == ["Waves", "Repair", "Raising", "Raising", "Houses"]


def test_a_slice_that_is_up_hands_the_run_back_between_two_sections(four, begin, work, settings):
    settings.ENV = settings.ENV.model_copy(update={"autonomy_slice_seconds": 0})
    run = begin()
    for _ in range(3):
        step.execute(queue.claim())
    assert of(run) == ("queued", "", "draft")
    assert asked_for(four) == HEADINGS[:1]
    assert work() == 3 + 2, "three more sections, the critic and the hand-off"
    assert of(run)[0] == "waiting_human"
    assert asked_for(four) == HEADINGS


def test_cancelling_between_two_sections_keeps_the_draft_so_far(four, begin, work, mara):
    run = begin()
    at(four, "Repair", lambda: cancel_run(run_id=run.pk, actor=mara))
    work()
    assert of(run)[:2] == ("cancelled", "cancelled")
    assert asked_for(four) == HEADINGS[:2]
    assert headings_of(snapshot(run)["draft"]["markdown"]) == HEADINGS[:2]


# --- a limit that is used up in the middle ---


def test_a_limit_used_up_after_the_second_of_four_sections_keeps_the_two_and_raised_it_goes_on(four, begin, work, mara):
    run = begin()
    at(four, "Repair", lambda: use_up_the_tokens(run))
    work()
    assert of(run) == ("done", "budget_exceeded", "END")
    assert asked_for(four) == HEADINGS[:2]
    told = snapshot(run)["draft"]
    assert (told["whole"], told["under_way"]) == (False, {"written": 2, "planned": 4})
    assert headings_of(told["markdown"]) == HEADINGS[:2]
    assert (told["writers"], told["words"] > 0) == (["scripted (script-1)"], True)
    raise_budget(run_id=run.pk, actor=mara, tokens=run.limit_tokens * 2)
    work()
    assert of(run) == ("waiting_human", "", "turnitin_pause")
    assert asked_for(four) == HEADINGS, "each section once"
    told = snapshot(run)["draft"]
    assert (told["whole"], told["under_way"]) == (True, None)
    assert headings_of(told["markdown"]) == HEADINGS


def test_the_whole_draft_of_the_last_revision_stays_until_the_next_is_whole(four, begin, work, mara):
    run = begin()
    work()
    first = state_of(run)["draft"]
    deliver(run, 0.5)
    at(four, "Raising", lambda: use_up_the_tokens(run))
    work()
    assert of(run) == ("done", "budget_exceeded", "END")
    state = state_of(run)
    begun = state["draft"].pop("under_way")
    assert state["draft"] == first
    assert state["last_observation"]["kind"] == "originality_report"
    assert len(begun["sections"]) == 3
    assert not set(texts(begun["sections"])) & set(texts(first["sections"]))
    told = snapshot(run)["draft"]
    assert (told["whole"], told["under_way"]) == (True, {"written": 3, "planned": 4})
    assert told["markdown"] == first["markdown"]
    raise_budget(run_id=run.pk, actor=mara, tokens=run.limit_tokens * 2)
    work()
    assert of(run)[0] == "waiting_human"
    assert asked_for(four) == HEADINGS * 2
    second = state_of(run)["draft"]
    assert second["sections"][:3] == begun["sections"]
    assert "under_way" not in second


def test_a_draft_that_is_written_again_takes_nothing_from_the_one_that_failed(four, begin, work):
    def invent_at_first(request):
        text = write_section(request).replace("plainly", f"plainly {len(four.requests)}")
        invents = request.material["redraft"] == 0 and request.material["heading"] == "Repair"
        return text.replace("[@rock]", "[@invented]") if invents else text

    four.section = invent_at_first
    run = begin()
    seen = []
    four.before = lambda request: seen.append((state_of(run).get("draft") or {}).get("under_way"))
    work()
    assert of(run)[0] == "waiting_human"
    assert asked_for(four) == HEADINGS * 2
    assert seen[5] is None, "it begins anew"
    assert [len(begun["sections"]) for begun in seen[6:]] == [1, 2, 3]
    sections = state_of(run)["draft"]["sections"]
    assert ["plainly 6" in sections[0]["markdown"], "plainly 9" in sections[3]["markdown"]] == [True, True]


# --- forks ---


@pytest.fixture
def two_of_four(four, begin, work, mara):
    """A run that was cancelled when two of its four sections were written."""
    run = begin()
    at(four, "Repair", lambda: cancel_run(run_id=run.pk, actor=mara))
    work()
    four.requests.clear()
    return run


def with_section(run, number, **changes):
    plan = snapshot(run)["plan"]
    sections = [one | changes if place == number else one for place, one in enumerate(plan["sections"])]
    return plan | {"sections": sections}


def test_a_fork_in_the_middle_of_drafting_goes_on_with_the_next_section(two_of_four, four, work, mara):
    fork, _ = fork_run(run_id=two_of_four.pk, actor=mara, patch={"route": "draft"})
    work()
    assert of(fork)[0] == "waiting_human"
    assert asked_for(four) == HEADINGS[2:]
    assert state_of(fork)["draft"]["sections"][:2] == state_of(two_of_four)["draft"]["sections"]


def test_a_fork_from_an_earlier_section_s_checkpoint_writes_the_later_ones_anew(two_of_four, four, work, mara):
    before = Checkpoint.objects.filter(run=two_of_four).order_by("-checkpoint_id")[1]
    fork, _ = fork_run(run_id=two_of_four.pk, actor=mara, checkpoint_id=before.checkpoint_id)
    work()
    assert of(fork)[0] == "waiting_human"
    assert asked_for(four) == HEADINGS[1:]


@pytest.mark.parametrize(
    ("number", "changes", "written"),
    [
        (0, {"heading": "Tides"}, ["Tides", *HEADINGS[1:]]),
        (1, {"id": "other"}, HEADINGS),
        (1, {"question": "Who repairs?"}, HEADINGS),
        (3, {"heading": "Posts"}, ["Raising", "Posts"]),
    ],
)
def test_sections_of_an_old_plan_are_never_mixed_with_those_of_a_new_one(
    two_of_four, four, work, mara, number, changes, written
):
    plan = with_section(two_of_four, number, **changes)
    fork, _ = fork_run(run_id=two_of_four.pk, actor=mara, patch={"route": "draft", "plan": plan})
    work()
    assert of(fork)[0] == "waiting_human"
    assert asked_for(four) == written
    headings = [one["heading"] for one in plan["sections"]]
    assert headings_of(snapshot(fork)["draft"]["markdown"]) == headings


def test_a_plan_that_is_cut_down_to_what_is_written_needs_no_further_section(two_of_four, four, work, mara):
    plan = snapshot(two_of_four)["plan"]
    shorter = plan | {"sections": plan["sections"][:2], "words": 140}
    fork, _ = fork_run(run_id=two_of_four.pk, actor=mara, patch={"route": "draft", "plan": shorter})
    work()
    assert of(fork)[0] == "waiting_human"
    assert asked_for(four) == []
    assert headings_of(snapshot(fork)["draft"]["markdown"]) == HEADINGS[:2]


@pytest.mark.parametrize("patch", [{"last_verdict": {"note": "Say less."}}, {"task": {"topic": "Dams and walls"}}])
def test_a_note_or_another_topic_holds_for_every_section(two_of_four, four, work, mara, patch):
    fork, _ = fork_run(run_id=two_of_four.pk, actor=mara, patch={"route": "draft", **patch})
    work()
    assert of(fork)[0] == "waiting_human"
    assert asked_for(four) == HEADINGS


def test_a_fork_that_plans_or_researches_anew_drops_what_is_under_way(two_of_four, four, work, mara):
    for route in ("plan", "research"):
        four.requests.clear()
        fork, _ = fork_run(run_id=two_of_four.pk, actor=mara, patch={"route": route})
        assert snapshot(fork)["draft"] is None
        work()
        assert of(fork)[0] == "waiting_human"
        assert asked_for(four) == HEADINGS


def test_the_critic_never_judges_a_draft_that_is_under_way(two_of_four, mara):
    with pytest.raises(InvalidInput) as refused:
        fork_run(run_id=two_of_four.pk, actor=mara, patch={"route": "critic"})
    assert "must hold draft" in refused.value.details["fields"]["patch.route"][0]


def test_a_person_may_finish_the_draft_and_its_other_writers_are_still_named(two_of_four, four, work, mara):
    begun = state_of(two_of_four)["draft"]["sections"]
    own = begun[1]["markdown"].replace("plainly", "surely")
    sections = [*begun, *({"id": number, "markdown": own} for number in ("s3", "s4"))]
    fork, _ = fork_run(run_id=two_of_four.pk, actor=mara, patch={"draft": {"sections": sections}})
    told = snapshot(fork)["draft"]
    assert (fork.route, told["whole"], told["under_way"]) == ("critic", True, None)
    assert told["writers"] == ["mara (edited)", "scripted (script-1)"]


# --- the console ---


def page_of(run):
    return staff("autonomy.view_run").get(f"/admin/autonomy/run/{run.pk}/draft/").content.decode()


def test_the_run_s_page_shows_the_sections_that_are_there(two_of_four):
    page = page_of(two_of_four)
    assert "2 of 4 sections" in page
    assert ">Repair</h3>" in page


def test_the_run_s_page_shows_a_whole_draft_until_it_is_handed_off(four, begin, work):
    run = begin()
    at(four, "Houses", lambda: use_up_the_tokens(run))
    work()
    assert of(run)[1] == "budget_exceeded"
    page = page_of(run)
    assert ">Houses</h3>" in page
    assert "Hand-off 1" not in page
    fork, _ = fork_run(run_id=run.pk, actor=run.user, patch={"route": "critic"})
    work()
    assert of(fork)[0] == "waiting_human"
    assert "Hand-off 1" in page_of(fork)


def test_the_page_of_a_fork_with_another_plan_shows_the_draft_it_has_as_it_was_written(four, begin, work, mara):
    run = begin()
    work()
    plan = with_section(run, 0, id="other", heading="Tides")
    fork, _ = fork_run(run_id=run.pk, actor=mara, patch={"route": "research", "plan": plan})
    page = page_of(fork)
    assert ">Waves</h3>" in page

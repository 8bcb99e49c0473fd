"""A fork: a run of its own that begins with another run's checkpoint, and with what a person changed in it."""

from __future__ import annotations

from uuid import uuid4

import pytest

from autonomy.errors import InvalidInput, NotFound
from autonomy.models import Checkpoint, Episode, Job, Passage, Run, Source
from autonomy.selectors.runs import snapshot
from autonomy.services.cancel_run import cancel_run
from autonomy.services.fork_run import fork_run
from autonomy.services.start_run import GivenSource
from autonomy.tests.factories import UserFactory
from autonomy.tests.scripted import write_section
from conftest import SEA_WALLS
from turnitin.deliver_report import deliver_report
from turnitin.models import Cycle

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def mara():
    return UserFactory(username="mara", is_staff=True)


def deliver(run, similarity):
    cycle = Cycle.objects.filter(run=run).latest("number")
    return deliver_report(
        run_id=run.pk,
        cycle_id=cycle.pk,
        report_url="https://reports.example.org/1",
        observed_similarity=similarity,
        actor=None,
    )


def checkpoint_before(run, route):
    """The newest checkpoint whose next node is `route`."""
    return next(
        one.checkpoint_id
        for one in Checkpoint.objects.filter(run=run).order_by("-checkpoint_id")
        if one.checkpoint["channel_values"]["route"] == route
    )


def of(run):
    run.refresh_from_db()
    return run.status, run.outcome, run.route


def told(run, kind):
    return Episode.objects.filter(run=run, kind=kind).latest("seq")


def text_of(run):
    return snapshot(run)["draft"]["markdown"]


@pytest.fixture
def paused(model, start, work):
    run = start()
    work()
    run.refresh_from_db()
    return run


@pytest.fixture
def accepted(paused, work):
    deliver(paused, 0.1)
    work()
    paused.refresh_from_db()
    return paused


def edited(run, markdown):
    return {"draft": {"sections": [{"id": "s1", "markdown": markdown}]}}


OWN = " ".join(["This is plainly the point that concerns a town and its people here."] * 6)


# --- a run of its own ---


def test_a_fork_of_a_waiting_run_finishes_on_its_own_and_the_original_waits_on(paused, work, mara):
    fork, job = fork_run(run_id=paused.pk, actor=mara)
    assert (fork.user, fork.started_by, fork.status, fork.route) == (paused.user, mara, "queued", "turnitin_pause")
    assert (fork.forked_from, fork.supersteps, fork.spent_tokens, job.kind) == (paused, 0, 0, "start")
    assert fork.forked_from_checkpoint == checkpoint_before(paused, "turnitin_pause")
    work()
    assert of(fork) == ("waiting_human", "", "turnitin_pause")
    assert Cycle.objects.get(run=fork).number == 1
    deliver(fork, 0.1)
    work()
    assert of(fork) == ("done", "accepted", "END")
    assert of(paused) == ("waiting_human", "", "turnitin_pause")
    assert Cycle.objects.get(run=paused).state == "awaiting_report"
    deliver(paused, 0.1)
    work()
    assert of(paused) == ("done", "accepted", "END")


def test_a_fork_needs_nothing_of_the_original_afterwards(paused, work, mara):
    fork, _ = fork_run(run_id=paused.pk, actor=mara, checkpoint_id=checkpoint_before(paused, "plan"))
    cancel_run(run_id=paused.pk, actor=mara)
    Cycle.objects.filter(run=paused).delete()
    paused.delete()
    work()
    assert of(fork) == ("waiting_human", "", "turnitin_pause")
    assert Run.objects.get(pk=fork.pk).forked_from is None


def test_the_sources_of_a_fork_are_copies_with_their_passages(model, start, work, mara):
    sources = [
        GivenSource("b.txt", SEA_WALLS.encode()),
        GivenSource("a.txt", (SEA_WALLS * 2).encode()),
        GivenSource("empty.txt", b""),
    ]
    run = start(sources=sources)
    work()
    fork, _ = fork_run(run_id=run.pk, actor=mara)

    def copies(of):
        fields = (
            "key",
            "title",
            "filename",
            "origin",
            "original",
            "sha256",
            "status",
            "skipped_reason",
            "csl",
            "words",
        )
        rows = [
            [bytes(v) if isinstance(v, memoryview) else v for v in row]
            for row in Source.objects.filter(run=of).order_by("pk").values_list(*fields)
        ]
        passages = Passage.objects.filter(run=of).order_by("source_id", "position")
        return rows, list(passages.values_list("source__key", "position", "text", "search"))

    assert copies(fork) == copies(run)
    assert [row[0] for row in copies(fork)[0]] == ["b", "a", "empty"], "in the same order"
    assert not Passage.objects.filter(run=fork, source__run=run).exists()


def test_a_fork_of_a_run_that_has_read_nothing_yet_reads_by_itself(model, start, work, mara):
    run = start()
    fork, _ = fork_run(run_id=run.pk, actor=mara)
    work()
    assert of(fork) == of(run) == ("waiting_human", "", "turnitin_pause")
    assert Passage.objects.filter(run=fork).count() == Passage.objects.filter(run=run).count() > 0


def test_a_run_can_be_forked_while_a_worker_is_at_it(model, start, work, mara):
    run = start()
    forks = []

    def fork_once(request):
        if not forks:
            forks.append(fork_run(run_id=run.pk, actor=mara)[0])

    model.before = fork_once
    work()
    assert forks[0].route == "plan", "what the worker has not committed is not in the fork"
    assert of(forks[0]) == of(run) == ("waiting_human", "", "turnitin_pause")
    seqs = Episode.objects.filter(run=run).order_by("seq").values_list("seq", flat=True)
    assert list(seqs) == list(range(1, run.last_seq + 1))


@pytest.mark.parametrize("route", ["plan", "research", "draft", "critic"])
def test_a_run_can_be_forked_from_any_checkpoint(paused, work, mara, model, route):
    done = len(model.requests)
    fork, _ = fork_run(run_id=paused.pk, actor=mara, checkpoint_id=checkpoint_before(paused, route))
    assert fork.route == route
    work()
    assert of(fork) == ("waiting_human", "", "turnitin_pause")
    purposes = {"plan": ["plan", "section"], "research": ["section"], "draft": ["section"], "critic": []}
    assert [request.purpose for request in model.requests[done:]] == purposes[route]


def test_both_runs_tell_of_the_fork_with_who_asked_and_what_was_changed(paused, mara):
    patch = {"route": "draft", "last_verdict": {"note": "Say less of beaches."}}
    fork, _ = fork_run(run_id=paused.pk, actor=mara, patch=patch, note="For the mayor.")
    here, there = told(paused, "run_forked"), told(fork, "run_queued")
    assert (here.actor, there.actor, there.seq) == (mara, mara, 1)
    assert here.data["fork_run_id"] == str(fork.pk)
    assert there.data["forked_from"] == str(paused.pk)
    for episode in (here, there):
        assert episode.data["patch"] == patch
        assert episode.data["checkpoint_id"] == fork.forked_from_checkpoint
        assert "For the mayor." in episode.message


def test_a_large_patch_is_told_by_its_sizes_only(paused, mara):
    fork, _ = fork_run(run_id=paused.pk, actor=mara, patch=edited(paused, "Words. " * 6000))
    data = told(fork, "run_queued").data
    assert "patch" not in data
    assert data["patch_bytes"]["draft"] > 40_000


def test_a_fork_begins_with_the_limits_of_the_original_unless_the_task_says_otherwise(model, start, mara):
    run = start(task_spec={"limits": {"tokens": 500}, "target_similarity": 0.3})
    same, _ = fork_run(run_id=run.pk, actor=mara)
    assert (same.limit_tokens, same.target_similarity, same.max_revisions) == (500, 0.3, run.max_revisions)
    task = {"title": "Walls", "limits": {"usd": 2}, "target_similarity": 0.1, "max_revisions": 1}
    other, _ = fork_run(run_id=run.pk, actor=mara, patch={"task": task})
    assert (other.limit_tokens, other.limit_usd, other.target_similarity, other.max_revisions) == (500, 2, 0.1, 1)
    assert (other.title, other.task_spec["topic"]) == ("Walls", "Sea walls")
    assert other.task_spec["limits"] == {"tokens": 500, "seconds": None, "usd": 2}
    assert snapshot(other)["task"] == other.task_spec


# --- the cycle of the original ---


def test_a_fork_that_judges_the_same_report_leaves_the_original_s_cycle_alone(model, start, work, mara, settings):
    run = start()
    work()
    deliver(run, 0.2)
    settings.ENV = settings.ENV.model_copy(update={"autonomy_slice_seconds": 0})
    from autonomy.runtime import queue, step

    step.execute(queue.claim())  # the resume alone: the report is in the state and not judged yet
    assert of(run) == ("queued", "", "critic")
    strict, _ = fork_run(run_id=run.pk, actor=mara)
    mild, _ = fork_run(run_id=run.pk, actor=mara, patch={"task": {"target_similarity": 0.3}})
    Job.objects.filter(run=run, state="queued").update(priority=9)
    for _ in range(2):
        step.execute(queue.claim())
    assert of(mild) == ("done", "accepted", "END")
    assert of(strict)[2] == "plan"
    assert Cycle.objects.get().state == "report_ready", "it is for the original to close"
    work()
    assert Cycle.objects.filter(run=run).order_by("number").first().state == "rejected"
    assert [cycle.number for cycle in Cycle.objects.filter(run=strict)] == [2]


# --- the end ---


def test_where_the_run_ended_the_patch_must_say_where_the_fork_goes_on(accepted, work, mara):
    with pytest.raises(InvalidInput, match="details say") as refused:
        fork_run(run_id=accepted.pk, actor=mara)
    assert "say where the fork goes on" in refused.value.details["fields"]["patch.route"][0]
    assert Run.objects.count() == 1
    fork, _ = fork_run(run_id=accepted.pk, actor=mara, patch={"route": "draft"})
    work()
    assert of(fork) == ("waiting_human", "", "turnitin_pause")


def test_so_it_is_where_a_run_was_cancelled_or_failed_and_not_at_its_earlier_checkpoints(paused, work, mara):
    cancel_run(run_id=paused.pk, actor=mara)
    with pytest.raises(InvalidInput):
        fork_run(run_id=paused.pk, actor=mara)
    fork, _ = fork_run(run_id=paused.pk, actor=mara, checkpoint_id=checkpoint_before(paused, "critic"))
    work()
    assert of(fork) == ("waiting_human", "", "turnitin_pause")


def test_a_fork_at_the_critic_judges_a_report_that_was_judged_before_by_another_target(model, start, work, mara):
    run = start(task_spec={"max_revisions": 0})
    work()
    deliver(run, 0.2)
    work()
    assert of(run) == ("done", "revisions_exhausted", "END")
    patch = {"route": "critic", "task": {"target_similarity": 0.25}}
    fork, _ = fork_run(run_id=run.pk, actor=mara, patch=patch)
    work()
    assert of(fork) == ("done", "accepted", "END")
    assert Cycle.objects.get().state == "rejected"


def test_more_revisions_are_a_fork_away(model, start, work, mara):
    run = start(task_spec={"max_revisions": 0})
    work()
    deliver(run, 0.5)
    work()
    fork, _ = fork_run(run_id=run.pk, actor=mara, patch={"route": "plan", "task": {"max_revisions": 2}})
    work()
    deliver(fork, 0.5)
    work()
    fork.refresh_from_db()
    assert (fork.status, fork.revision) == ("waiting_human", 1)


# --- what a person wrote ---


def test_a_draft_that_a_person_edited_is_judged_and_handed_off_under_their_name(paused, work, mara, model):
    asked = len(model.requests)
    quotation = SEA_WALLS.split(". ")[0]
    text = f"Here it says: “{quotation}” [@walls]. {OWN} [@walls]"
    fork, _ = fork_run(run_id=paused.pk, actor=mara, patch=edited(paused, text))
    assert fork.route == "critic"
    work()
    assert of(fork) == ("waiting_human", "", "turnitin_pause")
    assert len(model.requests) == asked, "no model was asked"
    shown = snapshot(fork)["draft"]
    assert shown["writers"] == ["mara (edited)", "scripted (script-1)"]
    assert text in shown["markdown"]
    assert shown["markdown"].startswith("# On sea walls\n\n## Walls\n\n")
    cycle = Cycle.objects.get(run=fork)
    with cycle.markdown.open("rb") as document:
        assert "Drafted by Autonomy with mara (edited), scripted (script-1)." in document.read().decode()
    assert text not in text_of(paused)


def test_an_edited_draft_that_cites_no_source_of_the_run_is_caught_by_the_gates(paused, work, mara, model):
    text = write_section(model.requests[-1]).replace("[@walls]", "[@invented]")
    fork, _ = fork_run(run_id=paused.pk, actor=mara, patch=edited(paused, text))
    work()
    failures = told(fork, "gates_failed").data["failures"]
    assert "[@invented] is not a source of this run." in [one["message"] for one in failures]
    assert of(fork) == ("waiting_human", "", "turnitin_pause"), "it is written again"
    assert "invented" not in text_of(fork)


def test_an_edited_draft_is_not_accepted_on_a_report_about_another_text(accepted, work, mara, model):
    text = write_section(model.requests[-1]).replace("plainly", "surely")
    patch = edited(accepted, text) | {"route": "critic"}
    fork, _ = fork_run(run_id=accepted.pk, actor=mara, patch=patch)
    work()
    assert of(fork) == ("waiting_human", "", "turnitin_pause"), "it waits for a report of its own"


def test_a_section_beside_the_plan_cannot_slip_past_the_gates(paused, mara):
    hidden = {"draft": {"sections": [{"id": "s1", "markdown": "x"}, {"id": "s9", "markdown": "Copied."}]}}
    double = {"draft": {"sections": [{"id": "s1", "markdown": "Copied."}, {"id": "s1", "markdown": "x"}]}}
    shorter = {"draft": {"sections": [{"id": "s1", "markdown": "x"}], "markdown": "# Copied\n"}}
    plan = snapshot(paused)["plan"]
    other = {"route": "critic", "plan": plan | {"sections": [plan["sections"][0] | {"id": "s2"}]}}
    for patch, field in (
        (hidden, "patch.draft.sections"),
        (double, "patch.draft.sections"),
        (shorter, "patch.draft.markdown"),
        (other, "patch.plan.sections"),
    ):
        with pytest.raises(InvalidInput) as refused:
            fork_run(run_id=paused.pk, actor=mara, patch=patch)
        assert list(refused.value.details["fields"]) == [field]


def test_a_plan_that_a_person_changed_is_researched_and_written(paused, work, mara, model):
    plan = snapshot(paused)["plan"]
    section = {name: value for name, value in plan["sections"][0].items() if name != "passages"}
    sections = [section | {"heading": "What walls cost", "queries": ["raising costs"]}]
    patch = {"plan": plan | {"sections": sections}, "route": "research"}
    fork, _ = fork_run(run_id=paused.pk, actor=mara, patch=patch)
    work()
    assert of(fork) == ("waiting_human", "", "turnitin_pause")
    assert "## What walls cost" in text_of(fork)
    assert model.requests[-1].material["heading"] == "What walls cost"


def test_a_changed_plan_is_judged_again_before_the_text_is_handed_off(paused, work, mara):
    plan = snapshot(paused)["plan"]
    fork, _ = fork_run(run_id=paused.pk, actor=mara, patch={"plan": plan | {"title": "Walls, again"}})
    assert fork.route == "critic"
    work()
    assert text_of(fork).startswith("# Walls, again\n")


def test_a_note_steers_the_nodes_to_come(paused, work, mara, model):
    patch = {"route": "draft", "last_verdict": {"note": "Say less of beaches."}}
    fork_run(run_id=paused.pk, actor=mara, patch=patch)
    work()
    assert model.requests[-1].material["note"] == "Say less of beaches."


def test_a_draft_that_never_passed_gets_new_redrafts_in_a_fork(model, start, work, mara):
    model.section = lambda request: "Nothing here is cited. " * 20
    run = start()
    work()
    assert of(run) == ("done", "revisions_exhausted", "END")
    asked = len(model.requests)
    fork, _ = fork_run(run_id=run.pk, actor=mara, patch={"route": "draft"})
    work()
    assert of(fork) == ("done", "revisions_exhausted", "END")
    assert len(model.requests) - asked == 3, "one draft and two redrafts"
    assert "cites no source" in model.requests[asked].material["note"]


# --- what cannot be patched ---


@pytest.mark.parametrize(
    ("patch", "field", "hint"),
    [
        ({"sources": []}, "patch.sources", "no such field"),
        ({"revision": 0}, "patch.revision", "no such field"),
        ({"last_observation": {"kind": "originality_report"}}, "patch.last_observation", "no such field"),
        ({"budgets": {}}, "patch.budgets", "no such field"),
        ({"run_id": "x"}, "patch.run_id", "no such field"),
        ({"user_id": "x"}, "patch.user_id", "no such field"),
        ({"journey": "report"}, "patch.journey", "no such field"),
        ({"last_verdict": {"note": "x", "accepted": True}}, "patch.last_verdict.accepted", "no such field"),
        ({"route": "END"}, "patch.route", "'plan', 'research', 'draft' or 'critic'"),
        ({"route": "turnitin_pause"}, "patch.route", "'plan', 'research', 'draft' or 'critic'"),
        ({"task": {"words": 3}}, "patch.task.words", "greater than or equal to 100"),
        ({"task": {"colour": "red"}}, "patch.task.colour", "no such field"),
        ({"plan": {"title": "T", "words": 100, "sections": []}}, "patch.plan.sections", "at least 1 item"),
        (
            {"plan": {"title": "T", "words": 100, "sections": [{"id": "s1"}]}},
            "patch.plan.sections.0.heading",
            "required",
        ),
        ({"draft": {"sections": [{"id": "s1", "markdown": 3}]}}, "patch.draft.sections.0.markdown", "valid string"),
        ({"draft": "text"}, "patch.draft", "Input should be"),
        ({"last_verdict": {"note": "a\0b"}}, "patch", "NUL"),
        ({"last_verdict": {"note": "\ud800"}}, "patch", "surrogate"),
        ({"task": {"target_similarity": float("nan")}}, "patch", "NaN"),
    ],
)
def test_what_may_not_be_patched_is_refused_by_name_and_nothing_is_written(paused, mara, patch, field, hint):
    with pytest.raises(InvalidInput) as refused:
        fork_run(run_id=paused.pk, actor=mara, patch=patch)
    assert hint in refused.value.details["fields"][field][0]
    assert Run.objects.get() == paused
    assert not Episode.objects.filter(kind="run_forked").exists()


def test_a_note_may_speak_of_a_backslash(paused, mara):
    fork_run(run_id=paused.pk, actor=mara, patch={"last_verdict": {"note": r"Write \u0000 out."}})


def a_plan(**section):
    planned = {"id": "s1", "heading": "Walls", "question": "?", "words": 100, "queries": ["sea wall"]}
    return {"title": "T", "words": 100, "sections": [planned | section]}


@pytest.mark.parametrize(
    ("before", "patch", "field", "hint"),
    [
        ("plan", {"route": "research"}, "patch.route", "must hold plan and sources"),
        ("plan", {"route": "critic"}, "patch.route", "must hold draft and plan and sources"),
        ("plan", {"plan": a_plan()}, "patch.route", "written anew"),
        ("plan", {"plan": a_plan(), "route": "research"}, "patch.route", "must hold sources"),
        ("plan", {"draft": {"sections": [{"id": "s1", "markdown": "x"}]}}, "patch.route", "must hold plan"),
        ("research", {"route": "draft"}, "patch.route", "choose research"),
        ("draft", {"route": "critic"}, "patch.route", "must hold draft"),
        ("draft", {"plan": a_plan()}, "patch.route", "choose research"),
        ("draft", {"plan": a_plan(passages=["walls#99"])}, "patch.route", "choose research"),
    ],
)
def test_a_node_that_would_lack_what_it_needs_is_refused(paused, mara, before, patch, field, hint):
    with pytest.raises(InvalidInput) as refused:
        fork_run(run_id=paused.pk, actor=mara, checkpoint_id=checkpoint_before(paused, before), patch=patch)
    assert hint in refused.value.details["fields"][field][0]
    assert Run.objects.count() == 1


def test_fewer_revisions_than_the_checkpoint_has_seen_are_refused(paused, work, mara):
    deliver(paused, 0.5)
    work()
    with pytest.raises(InvalidInput) as refused:
        fork_run(run_id=paused.pk, actor=mara, patch={"task": {"max_revisions": 0}})
    assert "at revision 1" in refused.value.details["fields"]["patch.task.max_revisions"][0]


def test_an_unknown_checkpoint_and_an_unknown_run_are_refused(paused, start, mara):
    other = start()
    for checkpoint_id in ("nothing", "", "\0", Checkpoint.objects.get(run=other).checkpoint_id):
        with pytest.raises(InvalidInput) as refused:
            fork_run(run_id=paused.pk, actor=mara, checkpoint_id=checkpoint_id)
        assert "checkpoint_id" in refused.value.details["fields"]
    with pytest.raises(NotFound):
        fork_run(run_id=uuid4(), actor=mara)

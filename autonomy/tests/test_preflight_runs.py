"""Whole runs whose draft copies too much, or whose report cannot be used."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from autonomy import demo
from autonomy.models import Episode, Job, Passage
from autonomy.ports import Found
from autonomy.runtime.threads import on_any_thread
from autonomy.selectors.runs import snapshot
from autonomy.services.cancel_run import cancel_run
from autonomy.services.fork_run import fork_run
from autonomy.services.start_run import GivenSource
from autonomy.tests import scripted
from autonomy.tests.factories import UserFactory
from autonomy.tests.scripted import write_section
from autonomy.tools.library import RunLibrary
from conftest import SEA_WALLS
from turnitin.deliver_report import deliver_report
from turnitin.handoff import TurnitinHandOff
from turnitin.models import Cycle

pytestmark = pytest.mark.django_db(transaction=True)


class Silent:
    def note(self, kind, message, **data): ...

    now = note


def of(run):
    run.refresh_from_db()
    return run.status, run.outcome, run.route


def told(run, kind):
    return list(Episode.objects.filter(run=run, kind=kind).order_by("seq"))


def deliver(run, similarity, number=1):
    cycle = Cycle.objects.filter(run=run).latest("number")
    url = f"https://reports.example.org/{number}"
    deliver_report(run_id=run.pk, cycle_id=cycle.pk, report_url=url, observed_similarity=similarity, actor=None)


def library_of(run, effects=None):
    effect = (effects if effects is not None else []).append
    return RunLibrary(run.pk, episodes=Silent(), effect=effect)


def patchwork(request):
    """Four phrases of nine words from the source, each too short for the gate on unmarked quotation."""
    phrases = [
        "Waves that meet the wall are thrown back, and",
        "place rock at the foot of the wall, which",
        "must be raised again when the sea rises, and",
        "raising costs more than the last one did.",
    ]
    assert all(" ".join(phrase.split()) in SEA_WALLS for phrase in phrases)
    return f"{write_section(request)} Here {' so they say. Also '.join(phrases)} [@walls]"


def test_a_first_draft_that_copies_too_much_is_written_again_and_then_handed_off(model, start, work):
    model.section = lambda request: write_section(request) if request.material["redraft"] else patchwork(request)
    run = start()
    work()
    assert of(run) == ("waiting_human", "", "turnitin_pause")
    first, second = told(run, "preflight")
    assert first.data["overlap"] > 0.1 >= second.data["overlap"]
    [failed] = told(run, "gates_failed")
    assert {one["gate"] for one in failed.data["failures"]} == {"overlap"}
    note = model.requests[-1].material["note"]
    assert "“place rock at the foot of the wall, which” stands in “" in note
    assert "quote it with marks and [@walls], or say it in your own words with its citation" in note
    assert snapshot(run)["last_verdict"]["preflight"]["overlap"] == second.data["overlap"]
    assert Cycle.objects.get().number == 1


def test_a_draft_that_always_copies_too_much_ends_the_run_and_no_cycle_is_opened(model, start, work):
    model.section = patchwork
    run = start()
    work()
    assert of(run) == ("done", "revisions_exhausted", "END")
    assert len(told(run, "preflight")) == 3
    assert "own words stand in the sources" in run.reason
    assert not Cycle.objects.exists()


def test_the_bound_is_a_setting(model, start, work, env):
    env(autonomy_preflight_overlap=1.0)
    model.section = patchwork
    run = start()
    work()
    assert of(run) == ("waiting_human", "", "turnitin_pause")
    assert told(run, "preflight")[0].data["max_overlap"] == 1


def test_the_revision_is_told_what_the_draft_has_from_its_sources(model, start, work):
    run = start()
    work()
    deliver(run, 0.154)
    work()
    note = next(one for one in reversed(model.requests) if one.purpose == "plan").material["note"]
    assert note.startswith(
        "The similarity is 15.4%, above the target of 15%. Of the run's sources it has most in common"
    )
    assert "[@walls] (18 words)" in note


# --- a report that cannot be used ---


def test_a_report_whose_figure_is_lost_is_never_accepted(model, start, work, monkeypatch):
    """The database lets no such report become ready; the critic does not rely on it."""
    run = start()
    work()
    deliver(run, 0.1)
    answer = TurnitinHandOff.answer
    monkeypatch.setattr(
        TurnitinHandOff, "answer", lambda self, cycle_id: {**answer(self, cycle_id), "observed_similarity": None}
    )
    assert work() == 1, "it does not go round and round"
    assert of(run) == ("waiting_human", "", "turnitin_pause")
    assert Cycle.objects.get().state == "report_ready"
    assert len(told(run, "report_incomplete")) == 1
    assert not Job.objects.filter(run=run, state__in=["queued", "running"]).exists()


def test_a_fork_whose_plan_is_newer_than_the_draft_is_not_accepted_on_the_report(model, start, work, monkeypatch):
    """The report is about a draft of the first plan; the fork's checkpoint holds the second."""
    mara = UserFactory(username="mara", is_staff=True)
    more = b"The sea wall of another town meets other waves, and nobody has told of them until now in so many words. "
    run = start(sources=[GivenSource("walls.txt", SEA_WALLS.encode()), GivenSource("more.txt", more * 4)])
    work()
    deliver(run, 0.4)
    one = scripted.plan_of

    def two_sections(request):
        sections = one(request)["sections"]
        return {"title": "On sea walls", "sections": [*sections, {**sections[0], "heading": "More", "words": 50}]}

    monkeypatch.setattr(scripted, "plan_of", two_sections)
    model.before = lambda request: (
        cancel_run(run_id=run.pk, actor=mara) if request.material["revision"] and request.purpose == "section" else None
    )
    work()
    assert of(run)[0] == "cancelled"
    assert len(snapshot(run)["plan"]["sections"]) == 2
    model.before = lambda request: None
    patch = {"route": "critic", "task": {"target_similarity": 0.9}}
    fork, _ = fork_run(run_id=run.pk, actor=mara, patch=patch)
    work()
    assert of(fork) == ("waiting_human", "", "turnitin_pause"), "it is planned and written anew"
    failed = told(fork, "gates_failed")[0]
    assert "within the target, but the draft does not pass the gates: The section has no text." in failed.message
    assert told(fork, "similarity_accepted") == []
    assert [cycle.number for cycle in Cycle.objects.filter(run=fork)] == [3]


def test_a_fork_that_judges_a_report_anew_still_knows_what_the_preflight_found(model, start, work):
    run = start(task_spec={"max_revisions": 0})
    work()
    deliver(run, 0.5)
    work()
    patch = {"route": "critic", "task": {"max_revisions": 1}}
    fork, _ = fork_run(run_id=run.pk, actor=run.user, patch=patch)
    work()
    assert of(fork)[0] == "waiting_human"
    assert "[@walls] (18 words)" in told(fork, "similarity_rejected")[0].message


# --- the library ---


def test_the_library_gives_every_passage_of_every_source_in_reading_order(model, start, work):
    long = "\n\n".join(f"{SEA_WALLS} Part {number}." for number in range(5))
    run = start(sources=[GivenSource("b.txt", long.encode()), GivenSource("a.txt", SEA_WALLS.encode())])
    work()
    texts = library_of(run).texts()
    assert isinstance(texts, Iterator)
    ids = [(passage.id, passage.key) for passage in texts]
    many = Passage.objects.filter(source__key="b").count()
    assert many > 3
    assert ids[:many] == [(f"b#{number}", "b") for number in range(1, many + 1)]
    assert {key for _, key in ids[many:]} == {"a"}
    assert len(ids) == Passage.objects.filter(run=run).count()


def test_what_a_search_found_just_now_is_among_the_texts_once(model, start, work):
    run = start()
    work()
    effects = []
    library = library_of(run, effects)
    library.add([Found("A new work", text=SEA_WALLS.replace("wall", "dike"))])
    before = [passage.id for passage in library.texts()]
    assert [one for one in before if one.startswith("a-new-work#")] == ["a-new-work#1"]
    for write in effects:
        write()
    assert [passage.id for passage in library.texts()] == before


def test_texts_read_in_another_thread_give_their_connection_back(model, start, work):
    run = start()
    work()
    library, seen = on_any_thread(library_of(run)), []

    def read():
        seen.extend(connection.connection is not None for _ in library.texts())
        seen.append(connection.connection is not None)

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    assert (seen[0], seen[-1]) == (True, False)
    list(library.texts())
    assert connection.connection is not None, "the thread it is at home in keeps its own"


# --- the offline model ---


def test_the_offline_model_s_quotations_and_pointers_pass_with_the_bound_there_is(start, work):
    samples = sorted((Path(demo.__file__).parent / "sources").iterdir())
    sources = [GivenSource(path.name, path.read_bytes()) for path in samples if path.is_file()]
    run = start(task_spec={"topic": "How coastal cities adapt to rising seas", "words": 900}, sources=sources)
    work()
    assert of(run) == ("waiting_human", "", "turnitin_pause")
    [found] = told(run, "preflight")
    assert found.data["overlap"] < 0.02
    assert found.data["quoted"] > 0.3
    assert len(found.data["sources"]) > 3

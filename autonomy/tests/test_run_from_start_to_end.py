"""A run through the queue, executed as a worker does it, on the real database."""

from __future__ import annotations

import pytest

from autonomy.errors import ProviderUnavailable
from autonomy.models import Checkpoint, Episode, Job, Run, Source
from autonomy.runtime import queue, recovery, step
from autonomy.selectors.runs import snapshot
from autonomy.services.start_run import GivenSource
from turnitin.deliver_report import deliver_report
from turnitin.models import Cycle

pytestmark = pytest.mark.django_db(transaction=True)


def deliver(run, similarity, url="https://reports.example.org/1"):
    cycle = Cycle.objects.filter(run=run).latest("number")
    return deliver_report(run_id=run.pk, cycle_id=cycle.pk, report_url=url, observed_similarity=similarity, actor=None)


def kinds(run):
    return list(Episode.objects.filter(run=run).order_by("seq").values_list("kind", flat=True))


def assert_gapless(run):
    seqs = list(Episode.objects.filter(run=run).order_by("seq").values_list("seq", flat=True))
    run.refresh_from_db()
    assert seqs == list(range(1, run.last_seq + 1))


def assert_no_superstep_twice(run):
    steps = [e.data["superstep"] for e in Episode.objects.filter(run=run, kind__in=["node_finished", "node_paused"])]
    assert sorted(steps) == list(range(1, run.supersteps + 1))


def test_a_run_goes_from_queued_through_running_to_waiting_for_its_report(model, start, work):
    seen = []
    run = start()
    assert run.status == "queued"
    model.before = lambda request: seen.append(Run.objects.get(pk=run.pk).status)
    work()
    run.refresh_from_db()
    assert seen == ["running", "running"]
    assert (run.status, run.route) == ("waiting_human", "turnitin_pause")
    assert not Job.objects.filter(state__in=["queued", "running"]).exists(), "a pause holds no worker"
    assert_gapless(run)
    assert_no_superstep_twice(run)


def test_a_report_within_the_target_ends_the_run_as_accepted(model, start, work):
    run = start()
    work()
    deliver(run, 0.15)
    work()
    run.refresh_from_db()
    assert (run.status, run.outcome) == ("done", "accepted")
    assert Cycle.objects.get().state == "accepted"
    assert kinds(run)[-1] == "run_ended"
    assert_gapless(run)
    assert_no_superstep_twice(run)


def test_a_report_above_the_target_leads_to_a_revision_that_is_told_what_to_change(model, start, work):
    run = start()
    work()
    deliver(run, 0.4)
    work()
    run.refresh_from_db()
    assert (run.status, run.revision) == ("waiting_human", 1)
    plan_request = [r for r in model.requests if r.purpose == "plan"][-1]
    assert "40%" in plan_request.material["note"]
    shares = [r.material["quote_share"] for r in model.requests if r.purpose == "section"]
    assert shares[1] < shares[0]
    assert list(Cycle.objects.order_by("number").values_list("state", flat=True)) == ["rejected", "awaiting_report"]


def test_revisions_are_bounded_and_the_run_then_says_why_it_ended(model, start, work):
    run = start(task_spec={"max_revisions": 1})
    for number in (1, 2):
        work()
        deliver(run, 0.5, f"https://reports.example.org/{number}")
    work()
    run.refresh_from_db()
    assert (run.status, run.outcome, run.revision) == ("done", "revisions_exhausted", 1)
    assert "50%" in run.reason


def test_a_draft_that_fails_a_gate_is_written_again_with_the_findings_as_a_note(model, start, work):
    from autonomy.tests.scripted import write_section

    def invent_a_source_at_first(request):
        text = write_section(request)
        return text.replace("[@walls]", "[@invented]") if request.material["redraft"] == 0 else text

    model.section = invent_a_source_at_first
    run = start()
    work()
    run.refresh_from_db()
    assert run.status == "waiting_human"
    failed = Episode.objects.get(run=run, kind="gates_failed")
    assert {"citations_resolve", "section_supported"} <= {finding["gate"] for finding in failed.data["failures"]}
    assert "[@invented] is not a source of this run" in model.requests[-1].material["note"]


def test_an_at_sign_in_the_draft_does_not_stop_the_document(model, start, work):
    from autonomy.tests.scripted import write_section

    model.section = lambda request: f"{write_section(request)} Write to @town or town@example.org."
    run = start()
    work()
    run.refresh_from_db()
    assert run.status == "waiting_human", run.reason


def test_a_draft_that_is_written_again_within_a_revision_still_knows_what_the_report_asked_for(model, start, work):
    from autonomy.tests.scripted import write_section

    def invent_in_the_revision(request):
        text = write_section(request)
        first_of_revision = request.material["revision"] == 1 and request.material["redraft"] == 0
        return text.replace("[@walls]", "[@invented]") if first_of_revision else text

    model.section = invent_in_the_revision
    run = start()
    work()
    deliver(run, 0.4)
    work()
    last = [r for r in model.requests if r.purpose == "section"][-1].material
    assert (last["revision"], last["redraft"]) == (1, 1)
    assert "The similarity is 40%" in last["note"]


def test_a_draft_that_never_passes_ends_the_run_and_is_not_handed_off(model, start, work):
    model.section = lambda request: "Nothing here is cited. " * 20
    run = start()
    work()
    run.refresh_from_db()
    assert (run.status, run.outcome) == ("done", "revisions_exhausted")
    assert "cites no source" in run.reason
    assert not Cycle.objects.exists()


def test_a_time_slice_that_is_up_hands_the_run_back_to_the_queue(model, start, work, settings):
    settings.ENV = settings.ENV.model_copy(update={"autonomy_slice_seconds": 0})
    run = start()
    assert work() == 5, "one job a superstep: start and four continues"
    run.refresh_from_db()
    assert run.status == "waiting_human"
    assert_gapless(run)
    assert_no_superstep_twice(run)


def test_a_retryable_failure_is_tried_again_later_and_leaves_an_episode(model, start, work):
    def fail_once(request):
        if len(model.requests) == 1:
            raise ProviderUnavailable("The provider is busy.", retry_after=60)

    model.before = fail_once
    run = start()
    step.execute(queue.claim())
    job = Job.objects.get()
    run.refresh_from_db()
    assert (job.state, run.status) == ("queued", "queued")
    assert kinds(run)[-1] == "step_failed"
    Job.objects.update(scheduled_at=run.created_at)
    work()
    run.refresh_from_db()
    assert run.status == "waiting_human"
    assert_gapless(run)


def test_a_failure_that_no_attempt_can_mend_fails_the_run_with_the_reason(model, start, work, settings):
    def down(request):
        raise ProviderUnavailable("The provider is down.", retry_after=1)

    model.before = down
    settings.ENV = settings.ENV.model_copy(update={"autonomy_job_attempts": 2})
    run = start()
    for _ in range(2):
        step.execute(queue.claim())
        Job.objects.update(scheduled_at=run.created_at)
    run.refresh_from_db()
    assert (run.status, run.outcome) == ("failed", "failed")
    assert "The provider is down." in run.reason
    assert Job.objects.get().state == "failed"


def test_a_bug_fails_the_run_at_once_and_its_text_stays_out_of_the_episodes(model, start, work):
    def bug(request):
        raise KeyError("sk-secret-in-an-exception")

    model.before = bug
    run = start()
    work()
    run.refresh_from_db()
    assert run.status == "failed"
    told = "".join(e.message + str(e.data) for e in Episode.objects.filter(run=run)) + run.reason
    assert "KeyError" in told
    assert "sk-secret" not in told


def test_sources_that_cannot_be_read_are_named_and_skipped(model, start, work):
    from conftest import SEA_WALLS

    run = start(
        sources=[
            GivenSource("good.txt", SEA_WALLS.encode()),
            GivenSource("empty.txt", b""),
            GivenSource("broken.pdf", b"%PDF-1.7 and then nothing"),
        ]
    )
    work()
    run.refresh_from_db()
    assert run.status == "waiting_human"
    skipped = Episode.objects.filter(run=run, kind="source_skipped").order_by("seq")
    assert [e.data["filename"] for e in skipped] == ["empty.txt", "broken.pdf"]
    assert Source.objects.filter(run=run, status="skipped").exclude(skipped_reason="").count() == 2


def test_a_run_whose_sources_are_all_unreadable_fails_with_the_reasons(model, start, work):
    run = start(sources=[GivenSource("empty.txt", b"")])
    work()
    run.refresh_from_db()
    assert run.status == "failed"
    assert "None of the run's sources could be read (empty.txt: The file is empty)" in run.reason


def test_a_used_up_limit_ends_the_run_and_keeps_the_draft(model, start, work):
    model.usage = (60, 40)
    run = start(task_spec={"limits": {"tokens": 200}})
    work()
    run.refresh_from_db()
    assert (run.status, run.outcome) == ("done", "budget_exceeded")
    over = Episode.objects.get(run=run, kind="budget_exceeded").data
    assert over == {"budget_exceeded": True, "which": "tokens", "limit": 200, "spent": 200}
    assert snapshot(run)["draft"]["words"] > 0


def test_a_report_is_judged_also_when_the_limits_are_used_up_meanwhile(model, start, work):
    run = start()
    work()
    Run.objects.filter(pk=run.pk).update(spent_tokens=run.limit_tokens)
    deliver(run, 0.1)
    work()
    run.refresh_from_db()
    assert run.outcome == "accepted"
    assert Cycle.objects.get().state == "accepted"


def test_attempts_are_counted_anew_after_each_committed_superstep(model, start, work, settings):
    """The last attempt commits a superstep; one hiccup in the next is not the end."""
    run = start()
    Job.objects.update(attempt=4)
    hiccups = iter([True])

    def hiccup(request):
        if request.purpose == "section" and next(hiccups, False):
            raise ProviderUnavailable("The provider is down.", retry_after=300)

    model.before = hiccup
    work()
    run.refresh_from_db()
    job = Job.objects.get()
    assert (run.status, job.state) == ("queued", "queued")
    assert (job.scheduled_at - run.created_at).total_seconds() > 290, "the provider's own wait is kept"


def test_a_plan_with_more_than_was_asked_for_is_no_plan(model, start, work, monkeypatch):
    run = start()

    def plan(request):
        return {
            "title": "T",
            "sections": [{"id": "x", "heading": "Walls", "question": "?", "words": 100, "queries": ["sea"]}],
        }

    monkeypatch.setattr("autonomy.tests.scripted.plan_of", plan)
    work()
    assert Episode.objects.get(run=run, kind="run_failed").data["code"] == "unusable_answer"


def test_a_cancel_that_was_asked_for_is_honoured_at_the_next_boundary(model, start, work):
    run = start()
    model.before = lambda request: Run.objects.filter(pk=run.pk).update(cancel_requested_at=run.created_at)
    work()
    run.refresh_from_db()
    assert (run.status, run.outcome) == ("cancelled", "cancelled")
    assert len(model.requests) == 1, "no further node has run"


def test_waiting_for_a_person_costs_no_seconds_of_the_budget(model, start, work):
    run = start()
    work()
    before = Run.objects.get(pk=run.pk).spent_seconds
    assert before > 0
    deliver(run, 0.1)
    assert Run.objects.get(pk=run.pk).spent_seconds == before


def test_a_worker_that_lost_its_lease_writes_nothing(model, start):
    run = start()
    claim = queue.claim()
    before = {}

    def steal(request):
        if not before:
            Job.objects.update(lease_expires_at=run.created_at)
            assert recovery.give_back(Job.objects.get())
            before.update(seq=Run.objects.get(pk=run.pk).last_seq)

    model.before = steal
    step.execute(claim)
    run.refresh_from_db()
    assert (run.last_seq, run.supersteps, run.status) == (before["seq"], 0, "queued")
    assert_gapless(run)


def test_a_commit_that_fails_half_way_leaves_no_trace(model, start, monkeypatch):
    """What a node wants written is written last: checkpoint, episodes, run and job are then already in the database."""
    run = start()
    monkeypatch.setattr("autonomy.tools.library._store", lambda source, texts: 1 / 0)
    step.execute(queue.claim())
    run.refresh_from_db()
    assert set(kinds(run)) == {"run_queued", "run_started", "progress", "run_failed"}, "no episode of the superstep"
    assert (run.supersteps, run.route) == (0, "plan")
    assert Checkpoint.objects.filter(run=run).count() == 1, "the seed"
    assert not Source.objects.filter(status="read").exists()


def test_a_resume_whose_worker_is_lost_after_its_first_superstep_goes_on_from_there(model, start, work):
    run = start()
    work()
    deliver(run, 0.4)
    planned = len(model.requests)

    def lose_the_lease_once(request):
        if len(model.requests) == planned + 1:
            Job.objects.filter(kind="resume").update(lease_expires_at=run.created_at)
            recovery.give_back(Job.objects.get(kind="resume"))

    model.before = lose_the_lease_once
    work()
    run.refresh_from_db()
    assert (run.status, run.revision) == ("waiting_human", 1)
    assert "resume_refused" not in kinds(run)
    assert_gapless(run)
    assert_no_superstep_twice(run)


def test_a_resume_without_a_report_is_refused_and_the_run_waits_on(model, start, work):
    run = start()
    work()
    queue.enqueue_resume(run.pk)
    work()
    run.refresh_from_db()
    assert run.status == "waiting_human"
    assert kinds(run)[-1] == "resume_refused"
    deliver(run, 0.1)
    work()
    run.refresh_from_db()
    assert run.outcome == "accepted"

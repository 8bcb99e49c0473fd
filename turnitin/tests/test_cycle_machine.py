"""Random sequences of deliveries, resumes and crashes: after each step the database holds what was promised.

`MACHINE_EXAMPLES=1000` looks further.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from pydantic import SecretStr

from autonomy.errors import AutonomyError, ProviderUnavailable
from autonomy.models import Checkpoint, Job, Run
from autonomy.runtime import queue, recovery, step
from autonomy.services.cancel_run import cancel_run
from autonomy.services.retry_run import retry_run
from autonomy.tests import quick as journey
from autonomy.tests.factories import UserFactory
from benchmarks.chaos.audit import checkpoints, episodes, hand_offs, runs
from turnitin.models import Cycle, Report
from turnitin.tests import callers
from turnitin.tests.callers import SECRET

pytestmark = pytest.mark.django_db(transaction=True)

EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", "30"))
STEPS = 20
ATTEMPTS = 3  # at a superstep

# Of the audit after a storm of crashes: what is true at every moment.
ALWAYS = (
    hand_offs.every_pause_has_one_cycle,
    hand_offs.every_report_taken_in_is_told_once,
    hand_offs.every_cycle_is_judged_once,
    episodes.episodes_are_gapless,
    episodes.supersteps_are_committed_once,
    episodes.routes_follow_each_other,
    episodes.endings_are_told_once_and_last,
    checkpoints.checkpoints_form_one_chain,
    checkpoints.newest_checkpoint_agrees_with_its_run,
    checkpoints.checkpoint_values_are_all_there,
    runs.attempts_are_within_bounds,
)
# And what is true once nothing is left to do.
AT_REST = (
    hand_offs.cycles_are_withdrawn_with_their_run,
    hand_offs.outcomes_agree_with_cycles,
    runs.every_run_ended_or_waits_rightly,
    runs.no_lease_is_left,
)
# One rule of the machine below may take several steps of the cycle's.
MAY_FOLLOW = {
    "awaiting_report": {"awaiting_report", "report_ready", "accepted", "rejected"},
    "report_ready": {"report_ready", "accepted", "rejected"},
    "accepted": {"accepted"},
    "rejected": {"rejected"},
}

addresses = st.sampled_from(["https://reports.example.org/1", "https://reports.example.org/2"])
figures = st.sampled_from([None, 0.05, 0.1, 0.5])
ages = st.sampled_from([0, 0, 0, 1])
nodes = st.sampled_from(["plan", "draft", "turnitin_pause", "critic"])


class Deliveries(RuleBasedStateMachine):
    start: Any  # of a run on the quick journey
    env: Any
    client: Any
    mara: Any

    @initialize(slice_seconds=st.sampled_from([0, 25]), waits=st.sampled_from([True, True, False]))
    def begin(self, slice_seconds: float, waits: bool) -> None:
        Run.objects.all().delete()
        journey.inside.clear()
        self.env(autonomy_slice_seconds=slice_seconds)
        self.run = self.start(task_spec={"max_revisions": 2})
        # What was seen: states of cycles; answers to deliveries that were taken in; the figure that counts; cycles
        # whose first figure came while the run stood failed; orders to resume beside deliveries.
        self.states: dict[Any, tuple[str, bool]] = {}
        self.taken: dict[Any, bytes] = {}
        self.counts: dict[Any, tuple[str, float]] = {}
        self.unresumed: set[Any] = set()
        self.strays = 0
        if waits:
            self.work_until_idle()

    # --- deliveries ---

    @rule(events=st.lists(st.tuples(addresses, figures), min_size=1, max_size=5), age=ages, signed=st.booleans())
    def deliveries_come(self, events: list[tuple[str, float | None]], age: int, signed: bool) -> None:
        for address, figure in events:
            self.deliver(address, figure, age, signed)

    def deliver(self, address: str, figure: float | None, age: int, signed: bool) -> None:
        if (cycle := self.cycle(age)) is None:
            return
        before, failed = self.facts(cycle), Run.objects.get(pk=self.run.pk).ended
        live = Job.objects.filter(kind="resume", state__in=["queued", "running"]).exists()
        told = {"report_url": address, "observed_similarity": figure}
        is_double = Report.objects.filter(cycle=cycle, **told).exists()
        answer = callers.deliver_signed(cycle, **told) if signed else callers.deliver(self.client, cycle, **told)
        note(f"hand-off {cycle.number}: {figure} at {address} is answered {answer.status_code}")
        event = (cycle.pk, address, figure)
        cycle.refresh_from_db()
        if event in self.taken:
            assert (answer.status_code, answer.content) == (200, self.taken[event]), "a double is answered the same"
            assert self.facts(cycle) == before, "and changes nothing"
        elif answer.status_code == 409:
            *same, episodes, jobs = before
            assert self.facts(cycle) == (*same, episodes + (not is_double), jobs), "who comes too late is told of, once"
            assert answer.json()["details"]["state"] == cycle.state
            assert Report.objects.get(cycle=cycle, report_url=address, observed_similarity=figure).too_late
        else:
            assert answer.status_code == 200
            assert before[0] in Cycle.OPEN
            assert cycle.withdrawn_at is None
            self.taken[event] = answer.content
            is_first = figure is not None and before[0] == "awaiting_report"
            *_, told, jobs = self.facts(cycle)
            assert told == before[-2] + 1, "it is told once"
            assert jobs == before[-1] + (is_first and not failed and not live), "only the first figure brings a job"
            if figure is not None:
                self.counts[cycle.pk] = (address, figure)
            if is_first and failed:
                self.unresumed.add(cycle.pk)

    # --- workers ---

    @rule(times=st.integers(1, 3))
    def work(self, times: int) -> None:
        for _ in range(times):
            if claim := self.claim():
                step.execute(claim)

    @rule(address=addresses, figure=figures)
    def a_delivery_comes_between_claim_and_work(self, address: str, figure: float | None) -> None:
        if claim := self.claim():
            self.deliver(address, figure, 0, False)
            step.execute(claim)

    @rule(node=nodes, address=addresses, figure=figures)
    def a_delivery_comes_while_a_node_works(self, node: str, address: str, figure: float | None) -> None:
        self.once_in(node, lambda: self.deliver(address, figure, 0, True))
        self.work(1)

    @rule(first=figures, then=figures)
    def a_correction_comes_while_the_report_is_read(self, first: float | None, then: float | None) -> None:
        self.deliver("https://reports.example.org/1", first, 0, False)
        self.a_delivery_comes_while_a_node_works("turnitin_pause", "https://reports.example.org/2", then)

    @rule()
    def a_worker_dies_after_its_claim(self) -> None:
        if self.claim():
            self.leases_run_out()

    @rule()
    def a_worker_wakes_up_after_its_lease(self) -> None:
        if claim := self.claim():
            self.leases_run_out()
            journey.inside.clear()  # nobody else does anything meanwhile
            before = self.everything()
            step.execute(claim)
            assert self.everything() == before, "a late worker writes nothing"

    @rule(node=nodes, goes_on=st.booleans())
    def a_worker_loses_its_lease_within_a_node(self, node: str, goes_on: bool) -> None:
        def lost() -> None:
            self.leases_run_out()
            if goes_on and (other := self.claim()):
                step.execute(other)

        self.once_in(node, lost)
        self.work(1)

    @rule(node=nodes, final=st.booleans())
    def a_node_fails(self, node: str, final: bool) -> None:
        def failing() -> None:
            raise KeyError("bug") if final else ProviderUnavailable(retry_after=1)

        self.once_in(node, failing)
        self.work(1)

    @rule(node=st.sampled_from(["turnitin_pause", "critic"]), final=st.booleans(), both=st.permutations([0.05, 0.5]))
    def a_correction_comes_after_a_failure(self, node: str, final: bool, both: list[float]) -> None:
        """Within the pause nobody has the figure yet; from the critic on it is in the state."""
        self.deliver("https://reports.example.org/1", both[0], 0, False)
        self.a_node_fails(node, final)
        self.deliver("https://reports.example.org/2", both[1], 0, True)

    @precondition(lambda self: Run.objects.get(pk=self.run.pk).status == "waiting_human")
    @rule(address=addresses, figure=figures)
    def a_delivery_comes_after_the_run_failed_as_it_waited(self, address: str, figure: float | None) -> None:
        self.somebody_resumes_beside()
        for _ in range(ATTEMPTS):
            self.a_worker_dies_after_its_claim()
        assert Run.objects.get(pk=self.run.pk).status == "failed"
        self.deliver(address, figure, 0, False)

    # --- people, and whoever asks twice ---

    @precondition(lambda self: len(self.states) > 0)
    @rule()
    def somebody_resumes_beside(self) -> None:
        queue.enqueue_resume(self.run.pk)
        self.strays += 1

    @precondition(lambda self: Run.objects.get(pk=self.run.pk).status == "failed")
    @rule()
    def retry(self) -> None:
        retry_run(run_id=self.run.pk, actor=self.mara)
        self.strays += 1

    @rule(really=st.sampled_from([True, False, False]), address=addresses, figure=figures)
    def cancel(self, really: bool, address: str, figure: float | None) -> None:
        if really:
            try:
                cancel_run(run_id=self.run.pk, actor=self.mara)
            except AutonomyError as refused:
                note(refused.message)
            self.deliver(address, figure, 0, False)

    @rule()
    def recover(self) -> None:
        recovery.recover()

    # --- what holds ---

    @invariant()
    def cycles_only_move_forward_and_one_is_open_at_most(self) -> None:
        cycles = list(Cycle.objects.order_by("number"))
        for cycle in cycles:
            state, withdrawn = self.states.get(cycle.pk, ("awaiting_report", False))
            assert cycle.state in MAY_FOLLOW[state]
            assert not (withdrawn and cycle.state != state), "a withdrawn cycle stays as it was"
            assert (cycle.withdrawn_at is not None) >= withdrawn
        self.states = {cycle.pk: (cycle.state, cycle.withdrawn_at is not None) for cycle in cycles}
        assert len([1 for state, withdrawn in self.states.values() if state in Cycle.OPEN and not withdrawn]) <= 1

    @invariant()
    def the_newest_figure_in_time_counts_and_is_judged(self) -> None:
        for cycle in Cycle.objects.select_related("report"):
            figure, report = cycle.observed_similarity, cycle.report
            assert (report and (report.report_url, figure)) == self.counts.get(cycle.pk)
            if cycle.closed_at:
                assert figure is not None
                assert (cycle.state == "accepted") == (figure <= cycle.target_similarity)

    @invariant()
    def each_cycle_is_resumed_by_one_job(self) -> None:
        resumes = Job.objects.filter(kind="resume")
        assert resumes.filter(state__in=["queued", "running"]).count() <= 1
        for cycle in Cycle.objects.exclude(state="awaiting_report"):
            assert (cycle.resume_job_id is None) == (cycle.pk in self.unresumed)
        assert resumes.filter(cycle=None).count() <= self.strays

    @invariant()
    def a_run_that_waits_has_one_cycle_that_awaits_its_report(self) -> None:
        run = Run.objects.get(pk=self.run.pk)
        if run.status == "waiting_human":
            assert run.route == "turnitin_pause"
            assert list(Cycle.objects.filter(closed_at=None).values_list("state", "withdrawn_at")) == [
                ("awaiting_report", None)
            ]

    @invariant()
    def the_audit_finds_nothing(self) -> None:
        assert [finding for check in ALWAYS for finding in check()] == []

    def teardown(self) -> None:
        """Left alone, and given what it waits for, the run comes to its end."""
        if not hasattr(self, "states"):
            return
        journey.inside.clear()
        self.leases_run_out()
        self.work_until_idle()
        for _ in range(5):
            run = Run.objects.get(pk=self.run.pk)
            if run.status == "failed":
                retry_run(run_id=run.pk, actor=self.mara)
                self.strays += 1
            elif run.status == "waiting_human":
                assert [finding for check in AT_REST for finding in check()] == []
                self.deliver("https://reports.example.org/last", 0.01, 0, False)
            self.work_until_idle()
        run.refresh_from_db()
        assert run.status in ("done", "cancelled")
        assert [finding for check in (*ALWAYS, *AT_REST) for finding in check()] == []
        self.each_cycle_is_resumed_by_one_job()
        if not self.strays:  # else there may be one job too many, which nobody claims
            assert runs.no_job_is_stuck() == []

    # --- how it is done ---

    def cycle(self, age: int) -> Cycle | None:
        """The newest, or the one before it."""
        return Cycle.objects.order_by("-number")[age : age + 1].first()

    def facts(self, cycle: Cycle) -> tuple[Any, ...]:
        run = Run.objects.get(pk=self.run.pk)
        jobs = Job.objects.count()
        return cycle.state, cycle.observed_similarity, cycle.report_id, cycle.resume_job_id, run.last_seq, jobs

    def everything(self) -> list[Any]:
        return [list(rows.objects.order_by("pk").values()) for rows in (Run, Job, Cycle, Report)] + [
            Checkpoint.objects.count()
        ]

    def claim(self) -> Any:
        Job.objects.filter(state="queued").update(scheduled_at=timezone.now())
        return queue.claim()

    def work_until_idle(self) -> None:
        while claim := self.claim():
            step.execute(claim)

    def leases_run_out(self) -> None:
        Job.objects.filter(state="running").update(lease_expires_at=timezone.now() - timedelta(seconds=1))
        recovery.recover()

    def once_in(self, node: str, what: Any) -> None:
        """The next time that this node works."""

        def now(run_id: str) -> None:
            journey.inside.clear()
            what()

        journey.inside.clear()
        journey.inside[node] = now


def test_whatever_comes_in_whatever_order_the_promises_hold(quick, env, monkeypatch):
    env(turnitin_delivery_secret=SecretStr(SECRET), autonomy_job_attempts=ATTEMPTS)
    monkeypatch.setattr(queue, "hint", lambda times=1: None)
    mara = UserFactory(username="mara", is_staff=True)
    fixed = {"start": staticmethod(quick), "env": staticmethod(env), "client": callers.uploading(), "mara": mara}
    bounded = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        derandomize="MACHINE_EXAMPLES" not in os.environ,  # the same every time, unless asked to look further
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(type("Machine", (Deliveries,), fixed), settings=bounded)

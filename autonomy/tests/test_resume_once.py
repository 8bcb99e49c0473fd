"""However many deliver it, a report resumes its run once."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from autonomy.models import Episode, Job, Run
from autonomy.runtime import queue, step
from autonomy.tests import quick as journey
from autonomy.tests.factories import UserFactory
from turnitin.deliver_report import deliver_report
from turnitin.models import Cycle, Report

pytestmark = pytest.mark.django_db(transaction=True)

# 1000 take longer than a test should: RESUMED_RUNS=1000 make test-autonomy ARGS=…
RUNS = int(os.environ.get("RESUMED_RUNS", "100"))


def deliver(run_id, cycle_id):
    return deliver_report(
        run_id=run_id, cycle_id=cycle_id, report_url="https://r.example.org/1", observed_similarity=0.1, actor=None
    )


def in_threads(count, task):
    def closing():
        try:
            task()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        for done in [pool.submit(closing) for _ in range(count)]:
            done.result()


def work():
    while claim := queue.claim():
        step.execute(claim)


def test_runs_whose_report_comes_twice_at_the_same_instant_do_nothing_twice(quick):
    owner = UserFactory()
    for _ in range(RUNS):
        quick(owner=owner)
    in_threads(4, work)
    cycles = list(Cycle.objects.values_list("run_id", "pk"))
    assert Run.objects.filter(status="waiting_human").count() == RUNS == len(cycles)

    together = threading.Barrier(2)

    def deliver_all():
        for run_id, cycle_id in cycles:
            together.wait(60)
            deliver(run_id, cycle_id)
            # Beside the duplicate report, a duplicate order to resume: it finds the job there is, or nothing to do.
            queue.enqueue_resume(run_id)

    delivering = threading.Thread(target=in_threads, args=(2, deliver_all))
    delivering.start()
    while delivering.is_alive():
        in_threads(2, work)
    delivering.join()
    in_threads(4, work)

    assert Run.objects.filter(status="done", outcome="accepted").count() == RUNS
    assert {times for (_, node), times in journey.executed.items() if node == "critic"} == {1}
    assert sum(times for (_, node), times in journey.executed.items() if node == "critic") == RUNS
    assert Report.objects.count() == RUNS, "the double is no second row of the inbox"
    assert Episode.objects.filter(kind="report_received").count() == RUNS
    assert Cycle.objects.filter(state="accepted").count() == RUNS
    assert not Job.objects.filter(state__in=["queued", "running"]).exists()


def test_a_resume_for_a_cycle_that_is_judged_never_answers_a_later_interrupt(model, start, work):
    run = start()
    work()
    first = Cycle.objects.get(run=run)
    deliver_report(
        run_id=run.pk, cycle_id=first.pk, report_url="https://r.example.org/1", observed_similarity=0.5, actor=None
    )
    work()
    second = Cycle.objects.exclude(pk=first.pk).get(run=run)
    queue.enqueue_resume(run.pk)  # somebody resumes again, for the report that was judged
    work()
    run.refresh_from_db()
    second.refresh_from_db()
    assert (run.status, second.state) == ("waiting_human", "awaiting_report")
    assert Episode.objects.filter(run=run, kind="resume_refused").exists()

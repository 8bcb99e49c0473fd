"""What is pruned of a run, and what never is."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.conf import settings as configured
from django.db import IntegrityError, connection, connections, transaction
from django.utils import timezone
from langgraph.checkpoint.serde.types import INTERRUPT

from autonomy import tasks
from autonomy.episodes.kinds import Kind
from autonomy.episodes.record import NewEpisode, append, lock
from autonomy.models import Checkpoint, CheckpointBlob, CheckpointWrite, Episode, Run
from autonomy.runtime import retention
from autonomy.selectors.runs import snapshot
from autonomy.tests.factories import RunFactory, UserFactory
from autonomy.tests.test_checkpoint_upkeep import thread
from autonomy.tests.test_checkpoints import LONG, SAVER, at, id_of, ids, values_of, writes_of
from turnitin.deliver_report import deliver_report
from turnitin.models import Cycle

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)
YEARS = timedelta(days=800)


@pytest.fixture(autouse=True)
def bounds(settings):
    """Set how many checkpoints and how many days of episodes are kept; here 2 checkpoints at first."""

    def bind(**given):
        settings.ENV = settings.ENV.model_copy(update={f"autonomy_keep_{name}": value for name, value in given.items()})

    bind(checkpoints=2)
    return bind


def ended(*, ago=HOUR, **fields):
    return RunFactory(status="done", outcome="accepted", route="END", ended_at=timezone.now() - ago, **fields)


def end_again(run, *, ago=HOUR):
    Run.objects.filter(pk=run.pk).update(
        status="failed", outcome="failed", reason="It failed.", ended_at=timezone.now() - ago
    )


def revive(run):
    Run.objects.filter(pk=run.pk).update(status="queued", outcome="", reason="", ended_at=None)


def kept(run):
    return ids(SAVER.list(at(run)))


def tell(run, *episodes):
    with transaction.atomic():
        locked = lock(run.pk)
        append(locked, [NewEpisode(kind, f"It is {kind}.") for kind in episodes])
        locked.save()


def told(run):
    return list(Episode.objects.filter(run=run).order_by("seq").values_list("seq", "kind"))


# --- checkpoints ---


def test_of_an_ended_run_the_newest_checkpoints_are_kept_with_their_blobs_and_writes():
    run = ended()
    configs = thread(run, 5)
    retention.prune()
    assert kept(run) == [id_of(configs[4]), id_of(configs[3])]
    assert values_of(configs[4]) == {"sources": LONG, "draft": LONG + "5"}
    assert values_of(configs[3]) == {"sources": LONG, "draft": LONG + "4"}
    assert writes_of(configs[4]) == [("task", "plan", 5)]
    assert CheckpointBlob.objects.filter(run=run).count() == 3
    assert CheckpointWrite.objects.filter(run=run).count() == 2


@pytest.mark.parametrize("status", ["queued", "running", "waiting_human"])
def test_a_run_that_has_not_ended_is_never_pruned(status):
    run = RunFactory(status=status)
    thread(run, 5)
    tell(run, Kind.RUN_QUEUED, Kind.RUN_STARTED, Kind.NODE_PAUSED)
    long_ago = timezone.now() - YEARS
    Run.objects.update(created_at=long_ago, updated_at=long_ago)
    Episode.objects.update(created_at=long_ago)
    retention.prune()
    assert len(kept(run)) == 5
    assert len(told(run)) == 3


def test_a_run_that_waits_for_its_report_is_never_pruned_and_goes_on_when_the_report_comes(model, start, work, bounds):
    bounds(checkpoints=1)
    run = start()
    work()
    before = len(kept(run)), told(run)
    Run.objects.update(created_at=timezone.now() - YEARS)
    retention.prune()
    assert (len(kept(run)), told(run)) == before
    deliver(run, 0.1)
    work()
    run.refresh_from_db()
    assert run.outcome == "accepted"


def deliver(run, similarity):
    cycle = Cycle.objects.filter(run=run).latest("number")
    deliver_report(
        run_id=run.pk,
        cycle_id=cycle.pk,
        report_url="https://reports.example.org/1",
        observed_similarity=similarity,
        actor=None,
    )


def test_a_run_is_left_alone_in_the_minutes_after_its_end():
    run = ended(ago=timedelta(minutes=5))
    thread(run, 5)
    retention.prune()
    assert len(kept(run)) == 5
    end_again(run, ago=timedelta(minutes=15))
    retention.prune()
    assert len(kept(run)) == 2


def test_a_pruned_run_can_still_be_read(model, start, work, bounds):
    bounds(checkpoints=1)
    run = start()
    work()
    deliver(run, 0.1)
    work()
    Run.objects.update(ended_at=timezone.now() - HOUR)
    run.refresh_from_db()
    before, newest, count = snapshot(run), SAVER.get_tuple(at(run)), len(kept(run))
    retention.prune()
    assert count > len(kept(run)) == 1
    assert snapshot(run) == before
    assert before["draft"]["markdown"]
    assert SAVER.get_tuple(at(run)) == newest


def test_what_an_open_cycle_waits_for_outlives_the_failure_of_its_run(model, start, work, bounds):
    """The run fails while it waits, is pruned, and is then brought back: the report still finds its interrupt."""
    bounds(checkpoints=1, episodes_days=1)
    run = start()
    work()
    end_again(run, ago=timedelta(days=2))
    retention.prune()
    assert [channel for _, channel, _ in writes_of(at(run))] == [INTERRUPT]
    assert len(kept(run)) == 1
    Run.objects.update(status="waiting_human", outcome="", reason="", ended_at=None)
    deliver(run, 0.1)
    work()
    run.refresh_from_db()
    assert run.outcome == "accepted"
    assert Cycle.objects.get().state == "accepted"


def test_the_checkpoint_that_a_fork_started_from_survives():
    run = ended()
    configs = thread(run, 6)
    for origin in configs[:2]:
        RunFactory(forked_from=run, forked_from_checkpoint=id_of(origin))
    RunFactory(forked_from=ended(), forked_from_checkpoint=id_of(configs[2]))
    retention.prune()
    assert kept(run) == [id_of(configs[number]) for number in (5, 4, 1, 0)]
    assert values_of(configs[0]) == {"sources": LONG, "draft": LONG + "1"}
    assert writes_of(configs[1]) == [("task", "plan", 2)]


def test_a_run_that_ends_once_more_is_pruned_once_more():
    run = ended(ago=2 * HOUR)
    thread(run, 3)
    retention.prune()
    revive(run)
    thread(run, 3)
    Run.objects.update(checkpoints_pruned_at=timezone.now() - HOUR)
    retention.prune()
    assert len(kept(run)) == 5
    end_again(run, ago=timedelta(minutes=30))
    retention.prune()
    assert len(kept(run)) == 2


def test_a_lower_bound_also_holds_for_runs_that_were_pruned_before(bounds):
    run = ended()
    thread(run, 5)
    for bound, left in [(4, 4), (9, 4), (4, 4), (1, 1)]:
        bounds(checkpoints=bound)
        retention.prune()
        assert len(kept(run)) == left


def test_a_run_that_is_pruned_is_not_looked_at_again():
    run = ended()
    thread(run, 5)
    assert list(retention.with_checkpoints_due()) == [run]
    retention.prune()
    assert not retention.with_checkpoints_due().exists()
    assert not retention.with_episodes_due().exists()


def test_a_run_with_very_many_checkpoints_is_pruned_in_several_transactions(monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 3)
    sizes = []
    monkeypatch.setattr(retention.upkeep, "prune", recording(retention.upkeep.prune, sizes))
    run = ended()
    configs = thread(run, 10)
    retention.prune()
    assert [gone for _, gone in sizes] == [3, 3, 2]
    assert kept(run) == [id_of(configs[9]), id_of(configs[8])]


def recording(prune, calls):
    """`prune` as it is, with its runs and its result noted."""

    def prune_and_note(cursor, run_ids, **how):
        gone = prune(cursor, run_ids, **how)
        calls.append((run_ids[0], gone))
        return gone

    return prune_and_note


# --- episodes ---


def test_the_episodes_of_a_run_that_ended_long_ago_go_and_its_ending_stays():
    old, young = ended(ago=timedelta(days=366)), ended(ago=timedelta(days=364))
    for run in (old, young):
        tell(run, Kind.RUN_QUEUED, Kind.RUN_STARTED, Kind.PLANNED, Kind.RUN_ENDED)
    retention.prune()
    assert told(old) == [(4, "run_ended")]
    assert len(told(young)) == 4
    tell(old, Kind.PROGRESS)
    assert told(old)[-1] == (5, "progress"), "numbers go on where they were"


@pytest.mark.parametrize("ending", [Kind.RUN_ENDED, Kind.RUN_FAILED, Kind.RUN_CANCELLED])
def test_what_was_told_after_the_ending_is_kept_with_it(ending):
    run = ended(ago=YEARS)
    tell(run, Kind.RUN_QUEUED, Kind.RUN_FAILED, Kind.RUN_STARTED, ending, Kind.REPORT_INCOMPLETE)
    retention.prune()
    assert told(run) == [(4, ending), (5, "report_incomplete")]


def test_a_run_that_never_told_its_ending_keeps_its_last_episode():
    run, silent = ended(ago=YEARS), ended(ago=YEARS)
    tell(run, Kind.RUN_QUEUED, Kind.RUN_STARTED)
    retention.prune()
    assert told(run) == [(2, "run_started")]
    assert told(silent) == []


def test_with_0_days_episodes_are_kept_for_ever(bounds):
    bounds(episodes_days=0)
    run = ended(ago=10 * YEARS)
    tell(run, Kind.RUN_QUEUED, Kind.RUN_ENDED)
    retention.prune()
    assert len(told(run)) == 2


def test_very_many_episodes_go_in_several_transactions_and_again_after_another_end(monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 3)
    run = ended(ago=YEARS)
    tell(run, *[Kind.PROGRESS] * 10, Kind.RUN_ENDED)
    retention.prune()
    assert told(run) == [(11, "run_ended")]
    tell(run, Kind.RUN_QUEUED, Kind.RUN_FAILED)
    Run.objects.update(episodes_pruned_at=timezone.now() - YEARS - HOUR)
    retention.prune()
    assert told(run) == [(13, "run_failed")]


# --- several at once ---


def at_once(*calls):
    """Call all of these at the same time, and raise what one of them raised."""
    together = threading.Barrier(len(calls))
    errors = []

    def call(one):
        try:
            together.wait(10)
            one()
        except Exception as error:  # noqa: BLE001
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=call, args=[one]) for one in calls]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert not any(one.is_alive() for one in threads)
    assert errors == []


def test_several_prunes_at_once_delete_nothing_twice_and_do_not_wait_in_a_circle(monkeypatch):
    calls = []
    monkeypatch.setattr(retention.upkeep, "prune", recording(retention.upkeep.prune, calls))
    owner = UserFactory()
    runs = [ended(ago=YEARS, user=owner) for _ in range(12)]
    for run in runs:
        thread(run, 4)
        tell(run, Kind.RUN_QUEUED, Kind.RUN_STARTED, Kind.RUN_ENDED)
    at_once(*[retention.prune] * 4)
    assert sorted(calls) == sorted((str(run.pk), 2) for run in runs), "each run once, each checkpoint once"
    assert [len(kept(run)) for run in runs] == [2] * 12
    assert [told(run) for run in runs] == [[(3, "run_ended")]] * 12


def test_a_run_that_somebody_holds_is_passed_over_and_pruned_the_next_time():
    held, free = ended(), ended()
    thread(held, 5)
    thread(free, 5)
    with transaction.atomic():
        lock(held.pk)
        at_once(retention.prune)
        assert (len(kept(held)), len(kept(free))) == (5, 2)
    retention.prune()
    assert len(kept(held)) == 2


def test_a_run_that_is_revived_while_it_is_about_to_be_pruned_is_left_alone():
    run = ended()
    thread(run, 5)
    with transaction.atomic():
        lock(run.pk)
        revive(run)
        at_once(retention.prune)
    retention.prune()
    assert len(kept(run)) == 5


def test_a_worker_that_is_told_to_stop_prunes_no_further(monkeypatch):
    runs = [ended(), ended()]
    for run in runs:
        thread(run, 5)
    stopping = iter([None])
    monkeypatch.setattr(retention.draining, "seconds", lambda: next(stopping, 0.1))
    retention.prune()
    assert sorted(len(kept(run)) for run in runs) == [2, 5]


# --- how it is found, kept and sent ---


def test_runs_are_found_by_an_index_however_many_have_ended():
    owner = UserFactory()
    then, now = timezone.now() - YEARS, timezone.now()
    done = {"status": "done", "outcome": "accepted", "ended_at": then}
    pruned = {"checkpoints_pruned_at": now, "checkpoints_kept": 2, "episodes_pruned_at": now}
    Run.objects.bulk_create(RunFactory.build(user=owner, **done, **pruned) for _ in range(3000))
    Run.objects.bulk_create(RunFactory.build(user=owner, **done) for _ in range(5))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE autonomy_runs")
    for due, index in [
        (retention.with_checkpoints_due(), "run_checkpoints_to_prune"),
        (retention.with_episodes_due(), "run_episodes_to_prune"),
    ]:
        assert due.count() == 5
        plan = due.only("pk")[:1].explain()
        assert index in plan, plan
        assert "Seq Scan" not in plan, plan


@pytest.mark.parametrize(
    "fields", [{"checkpoints_kept": 2}, {"checkpoints_pruned_at": timezone.now()}, {"checkpoints_kept": 0}]
)
def test_the_database_knows_no_pruning_without_its_bound(fields):
    run = ended()
    with pytest.raises(IntegrityError, match="run_checkpoints_pruned_to_a_bound"):
        Run.objects.filter(pk=run.pk).update(**fields)


def test_beat_sends_a_task_that_prunes_and_lets_it_expire():
    entry = configured.CELERY_BEAT_SCHEDULE["prune"]
    assert entry["schedule"] == entry["options"]["expires"] == configured.ENV.autonomy_retention_seconds
    assert entry["task"] == tasks.prune.name
    run = ended()
    thread(run, 5)
    tasks.prune()
    assert Checkpoint.objects.filter(run=run).count() == 2

"""Deleting, copying and pruning checkpoints, through the synchronous face."""

from __future__ import annotations

import uuid

import pytest
from django.db import IntegrityError
from langgraph.checkpoint.serde.types import _DeltaSnapshot

from autonomy.models import Checkpoint, CheckpointBlob, CheckpointWrite
from autonomy.tests.factories import RunFactory
from autonomy.tests.test_checkpoints import LONG, SAVER, at, id_of, ids, save, values_of, writes_of

pytestmark = pytest.mark.django_db(transaction=True)


def thread(run, count=3, namespace="", **metadata):
    """Checkpoints that share `sources`, each with a draft and a pending write of its own. Returns their configs."""
    configs = []
    for number in range(1, count + 1):
        values = {"sources": LONG, "draft": f"{LONG}{number}"}
        versions = {"sources": "1", "draft": str(number)}
        new = ["draft"] if configs else None
        parent = configs[-1] if configs else None
        configs.append(
            save(run, values, versions=versions, new=new, parent=parent, namespace=namespace, step=number, **metadata)
        )
        SAVER.put_writes(configs[-1], [("plan", number)], "task")
    return configs


def rows_of(run):
    """How many checkpoints, blobs and writes are stored."""
    return tuple(model.objects.filter(run=run).count() for model in (Checkpoint, CheckpointBlob, CheckpointWrite))


def drafts_of(run):
    return sorted(CheckpointBlob.objects.filter(run=run, channel="draft").values_list("version", flat=True))


# --- delete ---


def test_a_deleted_thread_leaves_no_row_and_others_stay():
    gone, stays = RunFactory(), RunFactory()
    thread(gone)
    thread(gone, namespace="child")
    thread(stays)
    SAVER.delete_thread(str(gone.pk))
    assert rows_of(gone) == (0, 0, 0)
    assert rows_of(stays) == (3, 4, 3)


def test_what_an_invocation_made_is_deleted_and_what_the_others_need_stays():
    run = RunFactory()
    first = save(run, {"sources": LONG, "draft": LONG + "1"}, versions={"sources": "1", "draft": "1"}, run_id="a")
    second = save(
        run,
        {"sources": LONG, "draft": LONG + "2"},
        versions={"sources": "1", "draft": "2"},
        new=["draft"],
        parent=first,
        run_id="b",
    )
    for config in (first, second):
        SAVER.put_writes(config, [("plan", 1)], "task")
    SAVER.delete_for_runs(["a", "no such invocation"])
    assert SAVER.get_tuple(first) is None
    assert values_of(second) == {"sources": LONG, "draft": LONG + "2"}
    assert rows_of(run) == (1, 2, 1), "only the first draft went"
    SAVER.delete_for_runs([])
    assert rows_of(run) == (1, 2, 1)


# --- copy ---


def test_a_copied_thread_is_the_same_and_lives_on_its_own():
    source, target = RunFactory(), RunFactory()
    configs = thread(source)
    thread(source, 1, namespace="child")
    SAVER.copy_thread(str(source.pk), str(target.pk))
    assert rows_of(target) == rows_of(source)
    for config in configs:
        copied = SAVER.get_tuple(at(target, "", id_of(config)))
        original = SAVER.get_tuple(config)
        assert copied.checkpoint == original.checkpoint
        assert copied.metadata == original.metadata
        assert copied.pending_writes == original.pending_writes
        assert copied.config["configurable"]["thread_id"] == str(target.pk)

    save(target, {"draft": "another"}, versions={"draft": "9"}, parent=SAVER.get_tuple(at(target)).config)
    assert SAVER.get_tuple(at(source)).config == configs[-1], "the source does not see what the copy does"
    SAVER.delete_thread(str(source.pk))
    assert values_of(at(target, "", id_of(configs[0]))) == {"sources": LONG, "draft": LONG + "1"}


def test_a_thread_that_is_copied_twice_is_there_once():
    source, target = RunFactory(), RunFactory()
    thread(source)
    for _ in range(2):
        SAVER.copy_thread(str(source.pk), str(target.pk))
    assert rows_of(target) == rows_of(source)


def test_a_thread_is_not_copied_to_a_run_that_does_not_exist():
    source = RunFactory()
    thread(source)
    with pytest.raises(IntegrityError):
        SAVER.copy_thread(str(source.pk), str(uuid.uuid4()))


# --- prune ---


def test_pruned_to_the_latest_a_thread_keeps_one_checkpoint_a_namespace_with_its_blobs_and_writes():
    run, other = RunFactory(), RunFactory()
    root, child = thread(run, 4), thread(run, 2, namespace="child")
    thread(other)
    SAVER.prune([str(run.pk)])
    assert ids(SAVER.list({"configurable": {"thread_id": str(run.pk)}})) == [id_of(child[-1]), id_of(root[-1])]
    assert values_of(root[-1]) == {"sources": LONG, "draft": LONG + "4"}
    assert writes_of(root[-1]) == [("task", "plan", 4)]
    assert rows_of(run) == (2, 4, 2), "blobs and writes that nothing refers to are gone"
    assert drafts_of(run) == ["2", "4"]
    assert rows_of(other) == (3, 4, 3)


def test_pruned_with_delete_a_thread_keeps_nothing():
    runs = [RunFactory(), RunFactory(), RunFactory()]
    for run in runs:
        thread(run)
    SAVER.prune([str(run.pk) for run in runs[:2]], strategy="delete")
    assert [rows_of(run) for run in runs] == [(0, 0, 0), (0, 0, 0), (3, 4, 3)]


def test_a_strategy_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="keep_some"):
        SAVER.prune([], strategy="keep_some")


def test_a_write_that_came_before_its_checkpoint_is_not_pruned():
    """LangGraph may hand over a task's writes before the checkpoint they belong to."""
    run = RunFactory()
    configs = thread(run, 2)
    early = at(run, "", "ffffffff-ffff-6fff-bfff-ffffffffffff")
    SAVER.put_writes(early, [("plan", "early")], "task")
    SAVER.prune([str(run.pk)])
    assert SAVER.get_tuple(at(run)).config == configs[-1]
    assert CheckpointWrite.objects.filter(run=run, checkpoint_id=id_of(early)).exists()


# --- channels that are rebuilt from their history ---


def history(run):
    """A channel `log` that is stored whole twice, and rebuilt from the writes since then."""
    configs = []
    for number in range(6):
        whole = number in (0, 3)
        values = {"log": _DeltaSnapshot([f"all up to {number}"])} if whole else {}
        counted = {} if whole else {"counters_since_delta_snapshot": {"log": [number % 3, number % 3]}}
        parent = configs[-1] if configs else None
        configs.append(save(run, values, versions={"log": str(number)}, parent=parent, **counted))
        SAVER.put_writes(configs[-1], [("log", f"written after {number}"), ("else", "x")], "task")
    return configs


def test_a_channel_is_rebuilt_from_its_last_snapshot_and_the_writes_since():
    configs = history(RunFactory())
    found = SAVER.get_delta_channel_history(config=configs[5], channels=["log", "never"])
    assert found["log"]["seed"] == _DeltaSnapshot(["all up to 3"])
    assert [value for _, _, value in found["log"]["writes"]] == ["written after 3", "written after 4"]
    assert found["never"] == {"writes": []}


def test_pruning_keeps_what_the_latest_checkpoint_is_rebuilt_from():
    run = RunFactory()
    configs = history(run)
    before = SAVER.get_delta_channel_history(config=configs[5], channels=["log"])
    SAVER.prune([str(run.pk)])
    assert ids(SAVER.list(at(run))) == [id_of(config) for config in configs[:2:-1]], "back to the snapshot, not further"
    assert SAVER.get_delta_channel_history(config=configs[5], channels=["log"]) == before

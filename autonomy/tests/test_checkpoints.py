"""The checkpointer's immediate face, on the real database: LangGraph's conformance suite, and what it does not ask."""

from __future__ import annotations

import os
import pickle
import sys

import ormsgpack
import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import IntegrityError
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.base.id import uuid6
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.conformance.capabilities import ALL_CAPABILITIES, DetectedCapabilities
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.serde.types import ERROR, INTERRUPT, RESUME
from langgraph.types import Interrupt

from autonomy.checkpoints.saver import PostgresSaver
from autonomy.checkpoints.serde import SERDE
from autonomy.models import Checkpoint, CheckpointBlob, CheckpointWrite, Run
from autonomy.tests.factories import RunFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)

SAVER = PostgresSaver()
LONG = "A text that is too long to ride in the checkpoint's own JSON. " * 5


def at(run, namespace="", checkpoint_id=None):
    where = {"thread_id": str(run.pk), "checkpoint_ns": namespace}
    return {"configurable": where | ({"checkpoint_id": checkpoint_id} if checkpoint_id else {})}


def save(run, values=None, *, versions=None, new=None, parent=None, namespace="", **metadata):
    """Put a checkpoint; every value is new unless `new` names the channels that are. Returns its config."""
    values = values or {}
    versions = versions or dict.fromkeys(values, "1")
    made = {**empty_checkpoint(), "id": str(uuid6()), "channel_values": values, "channel_versions": versions}
    after = parent["configurable"]["checkpoint_id"] if parent else None
    changed = versions if new is None else {channel: versions[channel] for channel in new}
    return SAVER.put(at(run, namespace, after), made, {"source": "loop", "step": 0, "parents": {}} | metadata, changed)


def id_of(config):
    return config["configurable"]["checkpoint_id"]


def ids(found):
    return [one.checkpoint["id"] for one in found]


def values_of(config):
    return SAVER.get_tuple(config).checkpoint["channel_values"]


def writes_of(config):
    return SAVER.get_tuple(config).pending_writes


# --- the conformance suite ---


class SaverOfAnyThread(PostgresSaver):
    """The suite makes up its thread ids. A checkpoint needs its run's row: here the run comes with the thread."""

    def __init__(self):
        super().__init__()
        self.user = UserFactory()

    def _with_run(self, thread_id):
        if not Run.objects.filter(pk=thread_id).exists():
            RunFactory(pk=thread_id, user=self.user)

    def put(self, config, *rest):
        self._with_run(config["configurable"]["thread_id"])
        return super().put(config, *rest)

    def copy_thread(self, source_thread_id, target_thread_id):
        self._with_run(target_thread_id)
        super().copy_thread(source_thread_id, target_thread_id)


def test_every_test_of_langgraph_s_conformance_suite_is_passed():
    @checkpointer_test(name="PostgresSaver")
    async def registered():
        yield await sync_to_async(SaverOfAnyThread)()

    report = async_to_sync(validate)(registered)
    passed = {name: result.tests_passed for name, result in report.results.items()}
    assert [failure for result in report.results.values() for failure in result.failures] == []
    assert passed == {
        "put": 17, "put_writes": 10, "get_tuple": 10, "list": 16, "delete_thread": 5,
        "delete_for_runs": 7, "copy_thread": 8, "prune": 8,
    }  # fmt: skip
    assert sum(passed.values()) == 81
    assert not any(result.tests_failed or result.tests_skipped for result in report.results.values())
    assert report.conformance_level() == "FULL"


def test_every_capability_that_the_suite_knows_is_detected():
    detected = DetectedCapabilities.from_instance(SAVER)
    assert (detected.detected, detected.missing) == (ALL_CAPABILITIES, frozenset())


# --- put and get ---


def test_a_checkpoint_without_its_run_is_refused():
    with pytest.raises(IntegrityError):
        save(Run(), {"route": "plan"})


@pytest.mark.parametrize(
    "value",
    ["short", LONG, "with \0 in it", "", 7, -1, True, None, 0.15, 1e22, float("inf"), b"bytes", [1, {"a": None}], {}],
    ids=repr,
)
def test_a_value_comes_back_as_it_was_and_of_its_own_type(value):
    back = values_of(save(RunFactory(), {"channel": value}))
    assert back == {"channel": value}
    assert type(back["channel"]) is type(value)


def test_half_a_surrogate_pair_does_not_stop_a_checkpoint():
    assert values_of(save(RunFactory(), {"channel": "half \ud83d of it"}))["channel"].startswith("half ")


def test_an_unchanged_value_is_stored_once_however_many_checkpoints_hold_it():
    run = RunFactory()
    first = save(run, {"sources": LONG, "draft": LONG + "1"}, versions={"sources": "1", "draft": "1"})
    last, configs = first, [first]
    for number in range(2, 6):
        values = {"sources": LONG, "draft": f"{LONG}{number}"}
        last = save(run, values, versions={"sources": "1", "draft": str(number)}, new=["draft"], parent=last)
        configs.append(last)
    stored = CheckpointBlob.objects.filter(run=run)
    assert stored.filter(channel="sources").count() == 1
    assert stored.filter(channel="draft").count() == 5
    assert not any(LONG in str(body) for body in Checkpoint.objects.values_list("checkpoint", flat=True))
    assert [values_of(config)["draft"][-1] for config in configs] == ["1", "2", "3", "4", "5"]
    assert {values_of(config)["sources"] for config in configs} == {LONG}


def test_the_newest_checkpoint_is_read_when_none_is_named_and_else_the_named_one():
    run = RunFactory()
    first = save(run, {"n": 1})
    second = save(run, {"n": 2}, parent=first)
    assert SAVER.get_tuple(at(run)).config == second
    assert SAVER.get_tuple(at(run)).parent_config == first
    assert SAVER.get_tuple(first).parent_config is None
    assert SAVER.get(first)["channel_values"] == {"n": 1}
    assert SAVER.get_tuple(at(run, "", str(uuid6()))) is None
    assert SAVER.get_tuple(at(run, "child")) is None


def test_a_list_is_newest_first_and_takes_a_filter_a_limit_and_where_to_begin():
    run, other = RunFactory(), RunFactory()
    root = [save(run, step=step, source="loop" if step else "input") for step in range(4)]
    child = save(run, namespace="child", step=9)
    elsewhere = save(other, step=1)
    everything = [id_of(config) for config in [elsewhere, child, *reversed(root)]]

    assert ids(SAVER.list(None)) == everything
    assert ids(SAVER.list({"configurable": {"thread_id": str(run.pk)}})) == everything[1:]
    assert ids(SAVER.list(at(run))) == everything[2:]
    assert ids(SAVER.list(None, filter={"step": 1})) == [id_of(elsewhere), id_of(root[1])]
    assert ids(SAVER.list(at(run), filter={"step": 1, "source": "input"})) == []
    assert ids(SAVER.list(at(run), before=root[2])) == [id_of(root[1]), id_of(root[0])]
    assert ids(SAVER.list(at(run), before=root[2], limit=1)) == [id_of(root[1])]
    assert ids(SAVER.list(at(run), limit=0)) == []
    assert ids(SAVER.list(root[0])) == [id_of(root[0])]


# --- pending writes ---


def test_pending_writes_come_in_the_order_of_task_path_then_task_then_index():
    config = save(RunFactory())
    for path, task in [("~b", "0"), ("a", "2"), ("a", "10"), ("B", "1"), ("", "9"), ("a", "~")]:
        SAVER.put_writes(config, [("x", f"{path}/{task}/0"), ("a", f"{path}/{task}/1")], task, path)
    expected = [("", "9"), ("B", "1"), ("a", "10"), ("a", "2"), ("a", "~"), ("~b", "0")]
    assert [value for _, _, value in writes_of(config)] == [f"{p}/{t}/{i}" for p, t in expected for i in (0, 1)]


def test_of_an_ordinary_write_the_first_is_kept():
    config = save(RunFactory())
    SAVER.put_writes(config, [("draft", "first")], "task")
    SAVER.put_writes(config, [("draft", "second"), ("plan", "new")], "task")
    assert writes_of(config) == [("task", "draft", "first"), ("task", "plan", "new")]


@pytest.mark.parametrize("channel", [ERROR, INTERRUPT, RESUME])
def test_a_special_write_replaces_the_one_before(channel):
    config = save(RunFactory())
    SAVER.put_writes(config, [(channel, "first")], "task")
    SAVER.put_writes(config, [(channel, "second")], "task")
    assert writes_of(config) == [("task", channel, "second")]


def test_special_writes_do_not_displace_ordinary_ones_of_the_same_task():
    config = save(RunFactory())
    SAVER.put_writes(config, [("draft", "kept")], "task")
    SAVER.put_writes(config, [(INTERRUPT, [Interrupt("a report, please", id="i1")])], "task")
    assert writes_of(config) == [
        ("task", INTERRUPT, [Interrupt("a report, please", id="i1")]),
        ("task", "draft", "kept"),
    ]


def test_of_two_special_writes_of_one_kind_in_one_call_the_last_holds():
    config = save(RunFactory())
    SAVER.put_writes(config, [(RESUME, "first"), (RESUME, "second")], "task")
    assert writes_of(config) == [("task", RESUME, "second")]


# --- plain data only ---


def hostile(code, *payload):
    return ormsgpack.packb(ormsgpack.Ext(code, ormsgpack.packb(payload)))


@pytest.mark.parametrize(
    ("code", "payload", "revived_elsewhere"),
    [
        (0, ("os", "mkdir", "{}"), True),
        (1, ("os", "mkdir", ["{}"]), True),
        (2, ("os", "makedirs", {"name": "{}"}), True),
        (3, ("shutil", "os", "{}", "mkdir"), False),
        (4, ("os", "makedirs", {"name": "{}"}), True),
        (5, ("os", "makedirs", {"name": "{}"}), True),
    ],
    ids=["one argument", "arguments", "keywords", "method", "pydantic 1", "pydantic 2"],
)
def test_a_checkpoint_that_names_code_does_not_run_it(tmp_path, code, payload, revived_elsewhere):
    def aimed_at(folder):
        def fill(part):
            if isinstance(part, dict):
                return {name: fill(value) for name, value in part.items()}
            return [fill(one) for one in part] if isinstance(part, list) else part.format(folder)

        return hostile(code, *(fill(part) for part in payload))

    JsonPlusSerializer(allowed_msgpack_modules=True).loads_typed(("msgpack", aimed_at(tmp_path / "bait")))
    assert os.path.exists(tmp_path / "bait") is revived_elsewhere, "the payload does what it is meant to"

    config = save(RunFactory(), {"draft": LONG})
    SAVER.put_writes(config, [("plan", {})], "task")
    bytes_of_it = aimed_at(tmp_path / "hit")
    CheckpointBlob.objects.update(type="msgpack", blob=bytes_of_it)
    CheckpointWrite.objects.update(type="msgpack", blob=bytes_of_it)
    found = SAVER.get_tuple(config)
    plain = str | list | dict
    assert isinstance(found.checkpoint["channel_values"]["draft"], plain)
    assert isinstance(found.pending_writes[0][2], plain)
    assert not os.path.exists(tmp_path / "hit")


def test_a_checkpoint_cannot_have_a_module_imported():
    assert "tabnanny" not in sys.modules
    SERDE.loads_typed(("msgpack", hostile(0, "tabnanny", "NannyNag", "x")))
    assert "tabnanny" not in sys.modules


@pytest.mark.parametrize(
    "stored",
    [
        ("json", b'{"lc": 2, "type": "constructor", "id": ["os", "getcwd"], "args": []}'),
        ("json", b'{"lc": 1, "type": "constructor", "id": ["langchain_core", "messages", "AIMessage"], "kwargs": {}}'),
        ("json", b"{}"),
        ("pickle", pickle.dumps({})),
    ],
    ids=["json that names code", "json that names a class", "any json", "pickle"],
)
def test_a_stored_value_that_we_cannot_have_written_is_refused(stored):
    with pytest.raises(ValueError, match="is not read"):
        SERDE.loads_typed(stored)


def test_leave_to_revive_a_class_does_not_reach_the_database(tmp_path):
    """LangGraph hands a graph's own types to its checkpointer. Ours revives none of them."""
    lenient = SAVER.with_allowlist([("os", "mkdir")])
    config = save(RunFactory(), {"draft": LONG})
    CheckpointBlob.objects.update(type="msgpack", blob=hostile(0, "os", "mkdir", str(tmp_path / "hit")))
    assert lenient.get_tuple(config).checkpoint["channel_values"]["draft"] == str(tmp_path / "hit")
    assert not (tmp_path / "hit").exists()

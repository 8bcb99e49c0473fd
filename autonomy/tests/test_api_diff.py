"""GET /api/v2/runs/{run_id}/diff."""

from __future__ import annotations

import json

import pytest

from autonomy.models import Checkpoint
from autonomy.selectors.checkpoint_diff import checkpoint_diff, pair
from autonomy.services.fork_run import fork_run
from autonomy.tests.clients import client_of
from autonomy.tests.factories import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run(start, model, work):
    run = start()
    work()
    return run


@pytest.fixture
def client(run):
    return client_of(run.user)


def ids(run):
    """The run's checkpoints, the oldest first."""
    return list(Checkpoint.objects.filter(run=run).order_by("checkpoint_id").values_list("checkpoint_id", flat=True))


def ask(client, run, **query):
    return client.get(f"/api/v2/runs/{run.pk}/diff", query)


def test_two_checkpoints_are_told_with_what_changed_between_them(client, run):
    first, *_, last = ids(run)
    told = ask(client, run, **{"from": first, "to": last}).json()
    assert set(told) == {"from", "to", "same", "spent", "changes"}
    assert (told["from"]["step"], told["from"]["node"], told["from"]["route"]) == (0, None, "plan")
    assert (told["to"]["node"], told["to"]["route"], told["to"]["revision"]) == ("critic", "turnitin_pause", 0)
    assert told["same"] is False
    assert list(told["changes"]) == ["route", "plan", "sources", "draft", "last_observation", "last_verdict"]
    assert [one["change"] for one in told["changes"]["draft"]["sections"]] == ["added"]
    assert told["spent"] == {"calls": 2, "tokens": 30, "usd": None}


def test_backwards_what_was_added_reads_as_removed(client, run):
    first, *_, last = ids(run)
    told = ask(client, run, **{"from": last, "to": first}).json()
    assert [one["change"] for one in told["changes"]["draft"]["sections"]] == ["removed"]
    assert told["spent"]["calls"] == 2


def test_a_checkpoint_is_the_same_as_itself(client, run):
    one = ids(run)[2]
    told = ask(client, run, **{"from": one, "to": one}).json()
    assert (told["same"], told["changes"], told["spent"]["calls"]) == (True, {}, 0)


def test_a_fork_is_compared_with_the_checkpoint_it_began_with(client, run):
    begun_with = ids(run)[-1]
    patch = {"route": "draft", "last_verdict": {"note": "Say less."}}
    fork, _ = fork_run(run_id=run.pk, actor=run.user, checkpoint_id=begun_with, patch=patch)
    told = ask(client, fork, **{"from": begun_with, "to": ids(fork)[0]}).json()
    assert told["from"]["run_id"] == str(run.pk)
    assert set(told["changes"]) == {"route", "last_verdict"}
    assert told["spent"] is None
    foreign = ask(client, run, **{"from": begun_with, "to": ids(fork)[0]})
    assert foreign.status_code == 400, "only the fork knows where it comes from"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "from"),
        ({"to": "x"}, "from"),
        ({"from": "x"}, "to"),
        ({"from": "x", "to": "y", "colour": "red"}, "colour"),
        ({"from": "x" * 65, "to": "y"}, "from"),
        ({"from": "", "to": "y"}, "from"),
        ({"from": "a\0b", "to": "y"}, "from"),
        ({"from": "nothing", "to": "nothing"}, "to"),
    ],
)
def test_a_wrong_query_is_refused_at_its_field(client, run, query, field):
    answer = ask(client, run, **query)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")
    assert set(answer.json()) == {"code", "message", "details"}
    assert field in answer.json()["details"]["fields"]


def test_a_checkpoint_of_another_run_is_no_checkpoint_of_this_one(client, run, start):
    other = start(owner=run.user)
    answer = ask(client, run, **{"from": ids(other)[0], "to": ids(run)[0]})
    assert answer.status_code == 400
    assert list(answer.json()["details"]["fields"]) == ["from"]


def test_somebody_else_s_run_looks_like_none_and_staff_see_it(run):
    query = {"from": ids(run)[0], "to": ids(run)[1]}
    assert ask(client_of(UserFactory()), run, **query).status_code == 404
    assert ask(client_of(UserFactory(is_staff=True)), run, **query).status_code == 200


def test_it_takes_a_bounded_number_of_queries(run, django_assert_num_queries):
    first, *_, last = ids(run)
    with django_assert_num_queries(4):  # both checkpoints, a state each, the calls between them
        json.dumps(checkpoint_diff(pair(run, first, last)))

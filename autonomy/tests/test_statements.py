"""The engine's own SQL beside the models it mirrors, and what it costs on the wire."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import connection
from django.db.models import Field

from autonomy.episodes.record import NewEpisode, append_leased
from autonomy.errors import LeaseLost
from autonomy.models import Episode, Job, Run, spending, statements
from autonomy.runtime import queue, step

pytestmark = pytest.mark.django_db(transaction=True)

MODELS = {model._meta.db_table: model for model in apps.get_app_config("autonomy").get_models()}
STATEMENTS = {
    name: text
    for module in (statements, spending)
    for name, text in vars(module).items()
    if isinstance(text, str) and name.isupper() and name[0] != "_"
}
INSERTS = [
    pytest.param(table, {column.strip() for column in columns.split(",")}, id=f"{name}-{table}")
    for name, text in STATEMENTS.items()
    for table, columns in re.findall(r"INSERT INTO (\w+)\s*\(([^)]*)\)", text)
]


def must_be_given(field: Field) -> bool:
    """What the database does not fill in by itself."""
    return not (field.primary_key or field.null or field.has_db_default() or field.generated)


@pytest.mark.parametrize(("table", "columns"), INSERTS)
def test_every_insert_names_columns_the_model_has_and_all_it_must_have(table, columns):
    fields = {field.column: field for field in MODELS[table]._meta.concrete_fields}
    assert columns <= set(fields)
    assert {column for column, field in fields.items() if must_be_given(field)} <= columns


@pytest.mark.parametrize("name", [name for name in STATEMENTS if name not in ("CLAIM_LOCK", "LOCK_CLAIMS")])
def test_postgres_knows_every_name_in_the_statement(name):
    plan = re.sub(r"%\(\w+\)s", "NULL", STATEMENTS[name])
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {plan}")
        assert cursor.fetchall()


def test_a_superstep_costs_one_round_trip_beyond_its_node_and_two_more_where_it_has_effects(quick, tmp_path):
    for _ in range(3):  # until the connection has every statement prepared
        quick()
        step.execute(queue.claim())
    run = quick()
    claim = queue.claim()
    with connection.cursor() as cursor, Path(tmp_path / "wire").open("w") as wire:
        cursor.connection.pgconn.trace(wire.fileno())
        step.execute(claim)
        cursor.connection.pgconn.untrace()
    trips = re.findall(r"\tF\t\d+\t(?:Query|Sync)\b.*", (tmp_path / "wire").read_text())
    run.refresh_from_db()
    assert (run.status, run.supersteps) == ("waiting_human", 3)
    read_once = 2  # the run and its checkpoint
    of_the_node = 1  # the hand-off looks for the run's cycle
    effects = 3  # the hand-off's own row is written: a transaction is opened around it, and closed
    assert len(trips) == read_once + run.supersteps + of_the_node + effects, trips


def test_an_episode_that_is_written_at_once_needs_the_lease(quick):
    run = quick()
    claim = queue.claim()
    episode = NewEpisode("progress", "On it.", {"done": 1}, "plan", 1)
    append_leased(run.pk, claim.job_id, claim.token, episode)
    written = Episode.objects.get(run=run, kind="progress")
    assert (written.seq, written.node, written.data) == (3, "plan", {"done": 1})
    for job, token in ((claim.job_id, uuid4()), (claim.job_id + 1, claim.token)):
        with pytest.raises(LeaseLost):
            append_leased(run.pk, job, token, episode)
    Job.objects.update(state="queued", lease_token=None, lease_expires_at=None)
    with pytest.raises(LeaseLost):
        append_leased(run.pk, claim.job_id, claim.token, episode)
    assert Run.objects.get(pk=run.pk).last_seq == 3 == Episode.objects.filter(run=run).count()

"""How long `claim()` takes with no finished job in the table, and with a million of them, by turns."""

from __future__ import annotations

import time
from statistics import median
from typing import Any

from benchmarks.autonomy_side.stage import Stage
from benchmarks.subject import answer, asked

RUNS = 200_000
JOBS_A_RUN = 5
TURNS = 6

# Copies of one run that has ended and of its job. Only the filling goes without foreign keys being looked up.
_FILL = """
SET session_replication_role = replica;
INSERT INTO autonomy_runs ({runs}) SELECT {run_values} FROM autonomy_runs, generate_series(1, {count});
INSERT INTO autonomy_job_queue ({jobs}) SELECT {job_values}
 FROM autonomy_job_queue j, autonomy_runs r, generate_series(1, {each}) WHERE r.id <> j.run_id;
SET session_replication_role = DEFAULT;
"""


def main() -> None:
    given = asked()
    stage = Stage(given)
    stage.start()
    measured(1)
    fill()
    taken: dict[str, list[float]] = {given.database: [], given.spare: []}
    for turn in range(TURNS + 1):
        for database in taken:
            use(database)
            claims = starts_and_claims(stage, max(1, given.runs // TURNS))
            taken[database] += claims if turn else []  # the first turn warms up
    use(given.database)
    answer(empty=median(taken[given.spare]), full=median(taken[given.database]), finished=finished())


def use(database: str) -> None:
    """Everything that follows is done in this database."""
    from django.db import connection

    from config.service_urls import django_database

    connection.close()
    connection.close_pool()
    connection.settings_dict["NAME"] = django_database(database)["NAME"]


def starts_and_claims(stage: Stage, runs: int) -> list[float]:
    from django.db import connection

    stage.find_owner()
    for _ in range(runs):
        stage.start()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE autonomy_runs, autonomy_job_queue")  # as autovacuum has done by then
    return measured(runs)


def measured(claims: int) -> list[float]:
    """Milliseconds of each claim; every job claimed is closed before the next claim."""
    from autonomy.runtime import queue

    taken = []
    for _ in range(claims):
        began = time.perf_counter()
        claim = queue.claim()
        taken.append((time.perf_counter() - began) * 1000)
        assert claim
        close(claim.run_id, claim.job_id)
    return taken


def close(run_id: Any, job_id: int) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE autonomy_runs SET status = 'done', outcome = 'accepted', route = 'END', ended_at = now()"
            " WHERE id = %s",
            [run_id],
        )
        cursor.execute(
            "UPDATE autonomy_job_queue SET state = 'done', lease_token = NULL, lease_expires_at = NULL,"
            " finished_at = now() WHERE id = %s",
            [job_id],
        )


def finished() -> int:
    from autonomy.models import Job

    return Job.objects.filter(state="done").count()


def fill() -> None:
    """From the one run and the one job there are."""
    from django.db import connection

    from autonomy.models import Job, Run

    new_run = {"id": "gen_random_uuid()"}
    new_job = {"run_id": "r.id", "kind": "'continue'"}
    run_columns = [f.column for f in Run._meta.concrete_fields]
    job_columns = [f.column for f in Job._meta.concrete_fields if f.column != "id"]
    filling = _FILL.format(
        runs=", ".join(run_columns),
        run_values=", ".join(new_run.get(c, c) for c in run_columns),
        jobs=", ".join(job_columns),
        job_values=", ".join(new_job.get(c, f"j.{c}") for c in job_columns),
        count=RUNS,
        each=JOBS_A_RUN,
    )
    with connection.cursor() as cursor:
        cursor.execute(filling)


if __name__ == "__main__":
    main()

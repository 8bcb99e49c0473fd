"""How long `claim()` takes with no finished job in the table, and with a million of them."""

from __future__ import annotations

import time
from statistics import median

from benchmarks.autonomy_side.stage import Stage
from benchmarks.subject import answer, asked

RUNS = 200_000
JOBS_A_RUN = 5

# Copies of one run that has ended and of its job. Only the filling goes without foreign keys being looked up.
_FILL = """
SET session_replication_role = replica;
INSERT INTO autonomy_runs ({runs}) SELECT {run_values} FROM autonomy_runs, generate_series(1, {count})
 WHERE id = '{model}';
INSERT INTO autonomy_job_queue ({jobs}) SELECT {job_values} FROM autonomy_job_queue j, autonomy_runs r,
 generate_series(1, {each}) n WHERE j.run_id = '{model}' AND r.id <> j.run_id;
SET session_replication_role = DEFAULT;
"""


def main() -> None:
    given = asked()
    stage = Stage(given)
    measured(stage, given.warmup)
    empty = measured(stage, given.runs)
    fill(stage)
    measured(stage, given.warmup)
    full = measured(stage, given.runs)
    answer(empty=empty, full=full, finished=finished())


def measured(stage: Stage, claims: int) -> float:
    """The median of some claims, in milliseconds; every job claimed is closed before the next claim."""
    from django.db import connection

    from autonomy.runtime import queue

    for _ in range(claims):
        stage.start()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE autonomy_runs, autonomy_job_queue")  # as autovacuum has done by then
    taken = []
    for _ in range(claims):
        began = time.perf_counter()
        claim = queue.claim()
        taken.append((time.perf_counter() - began) * 1000)
        assert claim
        close(claim.run_id, claim.job_id)
    return median(taken)


def close(run_id: object, job_id: int) -> None:
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


def fill(stage: Stage) -> None:
    from django.db import connection

    from autonomy.models import Job, Run

    # Removes what was measured before, so that all that is there is finished and of one kind.
    model = Run.objects.latest("created_at")
    Job.objects.exclude(run=model).delete()
    new_run = {"id": "gen_random_uuid()"}
    new_job = {"id": None, "run_id": "r.id", "kind": "'continue'"}
    run_columns = [f.column for f in Run._meta.concrete_fields]
    job_columns = [f.column for f in Job._meta.concrete_fields if f.column != "id"]
    with connection.cursor() as cursor:
        cursor.execute(
            _FILL.format(
                runs=", ".join(run_columns),
                run_values=", ".join(new_run.get(c, c) for c in run_columns),
                jobs=", ".join(job_columns),
                job_values=", ".join(new_job.get(c) or f"j.{c}" for c in job_columns),
                count=RUNS,
                each=JOBS_A_RUN,
                model=model.pk,
            )
        )


if __name__ == "__main__":
    main()

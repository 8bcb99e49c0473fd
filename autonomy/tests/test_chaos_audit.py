"""The audit of `make chaos` finds nothing in a healthy database, and every way in which it can be corrupted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.core.files.storage import default_storage
from django.db import connection, transaction

from autonomy.models import Run
from autonomy.tests.test_run_from_start_to_end import deliver
from benchmarks.chaos.audit import CHECKS, audit
from turnitin.models import Cycle

pytestmark = pytest.mark.django_db(transaction=True)

JOBS, EPISODES, CYCLES = "autonomy_job_queue", "autonomy_episodic_logs", "autonomy_turnitin_cycles"
REPORTS = "autonomy_turnitin_reports"
NEXT = "UPDATE autonomy_runs SET last_seq = last_seq + 1 WHERE id = %(run)s"


def told(kind: str, data: str = "{}", seq: str = "last_seq + 1", attempt: int = 1) -> str:
    """One more episode, numbered rightly unless `seq` says otherwise."""
    return (
        f"INSERT INTO {EPISODES} (run_id, seq, kind, node, attempt, message, data, created_at) "
        f"SELECT id, {seq}, '{kind}', 'critic', {attempt}, '', '{data}', now() FROM autonomy_runs WHERE id = %(run)s; "
    ) + (NEXT if seq == "last_seq + 1" else "")


# What is done to the run that was accepted (%(run)s) or to the one that waits (%(waiting)s), by the check that sees it.
CORRUPTIONS = {
    "every_run_ended_or_waits_rightly": [
        "UPDATE autonomy_runs SET status = 'queued' WHERE id = %(waiting)s",
        "UPDATE autonomy_runs SET status = 'running' WHERE id = %(waiting)s",
        "UPDATE autonomy_runs SET route = 'critic' WHERE id = %(waiting)s",
        f"INSERT INTO {REPORTS} (cycle_id, report_url, observed_similarity, top_matches, human_uploader_id, via, "
        "received_at, cycle_state, too_late) SELECT id, 'https://r.example.org/1', 0.1, '[]', '', 'api', now(), "
        f"'report_ready', false FROM {CYCLES} WHERE run_id = %(waiting)s; "
        f"UPDATE {CYCLES} c SET state = 'report_ready', report_at = now(), observed_similarity = 0.1, report_id = r.id "
        f"FROM {REPORTS} r WHERE r.cycle_id = c.id AND c.run_id = %(waiting)s",
        f"DELETE FROM {CYCLES} WHERE run_id = %(waiting)s",
        f"UPDATE {CYCLES} SET withdrawn_at = now() WHERE run_id = %(waiting)s",
    ],
    "no_job_is_stuck": [
        f"UPDATE {JOBS} SET state = 'queued', finished_at = NULL WHERE run_id = %(run)s AND kind = 'start'",
        f"INSERT INTO {JOBS} "
        "(run_id, user_id, kind, state, priority, attempt, max_attempts, worker, last_error, created_at) "
        "SELECT id, user_id, 'continue', 'queued', 5, 0, 5, '', '', now() FROM autonomy_runs WHERE id = %(waiting)s",
    ],
    "no_lease_is_left": [
        f"UPDATE {JOBS} SET state = 'running', finished_at = NULL, lease_token = gen_random_uuid(), "
        "lease_expires_at = now() WHERE run_id = %(run)s AND kind = 'start'",
    ],
    "attempts_are_within_bounds": [
        f"UPDATE {JOBS} SET attempt = 0 WHERE run_id = %(run)s",
        told("retry", attempt=99),
    ],
    "jobs_belong_to_the_owner_of_their_run": [
        f"UPDATE {JOBS} SET user_id = (SELECT max(id) FROM auth_user) WHERE run_id = %(run)s",
    ],
    "every_run_was_started_once": [
        f"DELETE FROM {JOBS} WHERE run_id = %(run)s AND kind = 'start'",
        told("run_started"),
        told("run_queued"),
        f"UPDATE {EPISODES} SET kind = 'progress' WHERE run_id = %(run)s AND kind = 'run_started'",
    ],
    "episodes_are_gapless": [
        f"DELETE FROM {EPISODES} WHERE run_id = %(run)s AND seq = 3",
        f"DELETE FROM {EPISODES} WHERE run_id = %(run)s AND seq = 1",
        f"DELETE FROM {EPISODES} WHERE run_id = %(run)s",
        told("progress", seq="last_seq + 2"),
        told("progress", seq="last_seq + 1 + 0"),  # a number that the run does not know of
        NEXT,
    ],
    "supersteps_are_committed_once": [
        told("node_finished", '{"superstep": 2}'),
        "UPDATE autonomy_runs SET supersteps = supersteps + 1 WHERE id = %(run)s",
        f"UPDATE {EPISODES} SET kind = 'progress' WHERE run_id = %(run)s AND data ->> 'superstep' = '4'",
        f"UPDATE {EPISODES} SET data = data || '{{\"superstep\": 1}}' "
        "WHERE run_id = %(run)s AND data ->> 'superstep' = '2'",
    ],
    "routes_follow_each_other": [
        f'UPDATE {EPISODES} SET data = data || \'{{"route_in": "plan"}}\' '
        "WHERE run_id = %(run)s AND data ->> 'superstep' = '4'",
    ],
    "endings_are_told_once_and_last": [
        told("run_ended"),
        told("run_failed"),
        told("progress"),
        f"UPDATE {EPISODES} SET kind = 'run_cancelled' WHERE run_id = %(run)s AND kind = 'run_ended'",
        told("run_ended").replace("%(run)s", "%(waiting)s"),
    ],
    "runs_failed_only_after_every_attempt": [
        "UPDATE autonomy_runs SET status = 'failed', outcome = 'failed', reason = '' WHERE id = %(run)s",
        told("run_failed", '{"code": "provider_unavailable"}'),
        told("lease_expired") + ";" + told("run_failed", '{"code": "worker_lost"}'),
        ";".join([told("lease_expired")] * 5 + [told("run_failed", '{"code": "document_error"}')]),
    ],
    "nothing_failed_inside": [
        told("run_failed", '{"code": "internal", "type": "OperationalError"}'),
        told("step_failed", '{"code": "internal", "type": "IntegrityError"}'),
    ],
    "checkpoints_form_one_chain": [
        "DELETE FROM autonomy_checkpoints WHERE run_id = %(run)s AND metadata ->> 'step' = '4'",
        "DELETE FROM autonomy_checkpoints WHERE run_id = %(run)s AND metadata ->> 'step' = '0'",
        "DELETE FROM autonomy_checkpoints WHERE id = (SELECT max(id) FROM autonomy_checkpoints WHERE run_id = %(run)s)",
        "INSERT INTO autonomy_checkpoints "
        "(run_id, namespace, checkpoint_id, parent_checkpoint_id, checkpoint, metadata, created_at) "
        "SELECT run_id, namespace, checkpoint_id || 'b', parent_checkpoint_id, checkpoint, metadata, now() "
        "FROM autonomy_checkpoints WHERE run_id = %(run)s AND metadata ->> 'step' = '3'",
        "UPDATE autonomy_checkpoints SET parent_checkpoint_id = (SELECT checkpoint_id FROM autonomy_checkpoints "
        "WHERE run_id = %(run)s AND metadata ->> 'step' = '2') WHERE run_id = %(run)s AND metadata ->> 'step' = '4'",
    ],
    "newest_checkpoint_agrees_with_its_run": [
        "UPDATE autonomy_runs SET route = 'draft' WHERE id = %(run)s",
        "UPDATE autonomy_runs SET revision = 0 WHERE id = %(run)s",
    ],
    "checkpoint_values_are_all_there": [
        "DELETE FROM autonomy_checkpoint_blobs WHERE run_id = %(run)s AND channel = 'draft'",
    ],
    "every_pause_has_one_cycle": [
        f"DELETE FROM {CYCLES} WHERE run_id = %(run)s AND number = 2",
        f"UPDATE {CYCLES} SET number = 5 WHERE run_id = %(run)s AND number = 2",
        f"UPDATE {CYCLES} SET state = 'accepted' WHERE run_id = %(run)s",
        told("cycle_opened"),
    ],
    "cycles_are_withdrawn_with_their_run": [
        f"UPDATE {CYCLES} SET withdrawn_at = now() WHERE run_id = %(waiting)s",
        "UPDATE autonomy_runs SET status = 'done', outcome = 'budget_exceeded', ended_at = now() "
        "WHERE id = %(waiting)s",
        "UPDATE autonomy_runs SET status = 'cancelled', outcome = 'cancelled', ended_at = now() WHERE id = %(waiting)s",
    ],
    "one_resume_per_report": [
        f"UPDATE {CYCLES} SET resume_job_id = NULL WHERE run_id = %(run)s AND number = 2",
        f"UPDATE {CYCLES} SET resume_job_id = (SELECT id FROM {JOBS} WHERE run_id = %(run)s AND kind = 'start') "
        "WHERE run_id = %(run)s AND number = 2",
        f"UPDATE {JOBS} SET kind = 'resume' WHERE run_id = %(run)s",
        told("resume_refused"),
    ],
    "every_report_taken_in_is_told_once": [
        f"UPDATE {REPORTS} SET too_late = true",
        f"UPDATE {REPORTS} SET observed_similarity = NULL",
        f"DELETE FROM {REPORTS} WHERE cycle_id IN (SELECT id FROM {CYCLES} WHERE number = 2)",
        f"INSERT INTO {EPISODES} (run_id, seq, kind, node, attempt, message, data, created_at) "
        f"SELECT run_id, 99, kind, node, attempt, message, data, now() FROM {EPISODES} "
        "WHERE kind = 'report_received' AND data ->> 'observed_similarity' = '0.1'",
    ],
    "every_cycle_is_judged_once": [
        told("similarity_accepted", '{"observed_similarity": 0.1}'),
        f"UPDATE {EPISODES} SET kind = 'similarity_rejected' WHERE run_id = %(run)s AND kind = 'similarity_accepted'",
        f"UPDATE {CYCLES} SET observed_similarity = 0.11 WHERE run_id = %(run)s AND number = 2",
        f"UPDATE {CYCLES} SET target_similarity = 0.01 WHERE run_id = %(run)s",
    ],
    "outcomes_agree_with_cycles": [
        "UPDATE autonomy_runs SET outcome = 'revisions_exhausted' WHERE id = %(run)s",
        "UPDATE autonomy_runs SET revision = 2 WHERE id = %(run)s",
        f"UPDATE {CYCLES} SET state = 'rejected' WHERE run_id = %(run)s",
    ],
    "documents_are_there": [
        f"UPDATE {CYCLES} SET docx = 'nowhere.docx' WHERE run_id = %(run)s",
    ],
    "sources_are_read_once": [
        "UPDATE autonomy_sources SET status = 'pending' WHERE run_id = %(run)s",
        "DELETE FROM autonomy_passages WHERE run_id = %(run)s",
        "UPDATE autonomy_passages SET position = position + 1 WHERE run_id = %(run)s",
        told("source_read", '{"key": "walls"}'),
    ],
    "spend_is_the_sum_of_the_calls": [
        "UPDATE autonomy_runs SET spent_tokens = spent_tokens + 1 WHERE id = %(run)s",
        "UPDATE autonomy_runs SET spent_usd = 0.000001 WHERE id = %(run)s",
        "UPDATE autonomy_runs SET spent_seconds = 0 WHERE id = %(run)s",
        "DELETE FROM autonomy_provider_calls WHERE run_id = %(run)s",
        "UPDATE autonomy_runs SET reserved_tokens = reserved_tokens + 1 WHERE id = %(run)s",
        "UPDATE autonomy_runs SET reserved_usd = 0.000001 WHERE id = %(run)s",
        "UPDATE autonomy_provider_calls SET outcome = 'pending', estimated = true WHERE run_id = %(run)s",
    ],
    "lost_calls_are_taken_for_spent": [
        "UPDATE autonomy_provider_calls SET outcome = 'pending', estimated = true, "
        "created_at = now() - interval '4 minutes' WHERE run_id = %(run)s",
    ],
    "no_limit_is_crossed": [
        "UPDATE autonomy_runs SET reserved_tokens = limit_tokens - spent_tokens + 1 WHERE id = %(run)s",
        "UPDATE autonomy_runs SET reserved_usd = limit_usd - spent_usd + 0.000001 WHERE id = %(run)s",
        "UPDATE autonomy_runs SET limit_tokens = spent_tokens - 1 WHERE id = %(run)s",
        "UPDATE autonomy_runs SET limit_usd = 0, spent_usd = 0.000001 WHERE id = %(run)s",
    ],
    "calls_are_numbered_without_gap": [
        "UPDATE autonomy_provider_calls SET attempt = 2 WHERE run_id = %(run)s",
    ],
}


@pytest.fixture
def runs(model, start, work) -> dict[str, str]:
    """One run was rejected and then accepted, one waits; a third has used up its budget."""
    run, waiting = start(task_spec={"max_revisions": 2}), start()
    start(task_spec={"limits": {"tokens": 10}})
    work()
    for similarity, times in ((0.4, 3), (0.1, 1)):
        for _ in range(times):
            deliver(run, similarity)
        work()
    found = Run.objects.in_bulk([run.pk, waiting.pk])
    assert (found[run.pk].outcome, found[waiting.pk].status) == ("accepted", "waiting_human")
    return {"run": str(run.pk), "waiting": str(waiting.pk)}


@contextmanager
def corrupted(sql: str, runs: dict[str, str]) -> Iterator[None]:
    """For a moment: it is rolled back. The rules that the database holds by triggers are off meanwhile."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            for table in (CYCLES, REPORTS):
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            for statement in filter(str.strip, sql.split("; ")):
                cursor.execute(statement, runs)
                assert cursor.rowcount, statement
        yield
        transaction.set_rollback(True)


def test_nothing_is_found_where_nothing_happened():
    assert audit() == []


def test_nothing_is_found_in_a_healthy_database(runs):
    assert audit() == []


def test_every_check_has_a_corruption_to_find():
    assert set(CORRUPTIONS) == {check.__name__ for check in CHECKS}


def test_every_corruption_is_found_by_its_check(runs):
    missed = []
    for name, corruptions in CORRUPTIONS.items():
        for sql in corruptions:
            with corrupted(sql, runs):
                if name not in {finding.check for finding in audit()}:
                    missed.append((name, sql))
    assert missed == []
    assert audit() == [], "all of it was rolled back"


def test_a_document_that_is_gone_is_found(runs):
    default_storage.delete(Cycle.objects.get(run=runs["run"], number=1).markdown.name)
    assert [finding.check for finding in audit()] == ["documents_are_there"]

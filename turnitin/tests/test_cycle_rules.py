"""What the database itself refuses, whoever asks: plain SQL, one statement for each rule, and the rule's name."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from autonomy.models import Job, Run
from autonomy.runtime import queue
from autonomy.tests.factories import RunFactory, UserFactory
from turnitin.models import Cycle, Licence, Report, Submission
from turnitin.tests.moves import judged, made_ready, report_of

pytestmark = pytest.mark.django_db

C, R, S = "UPDATE autonomy_turnitin_cycles SET", "UPDATE autonomy_turnitin_reports SET", "autonomy_turnitin_submissions"
REPORT = (
    "INSERT INTO autonomy_turnitin_reports (cycle_id, report_url, observed_similarity, top_matches, human_uploader_id,"
    " via, received_at, cycle_state, too_late) VALUES"
)
CYCLE = (
    "INSERT INTO autonomy_turnitin_cycles (id, run_id, number, state, target_similarity, markdown, docx, opened_at,"
    " withdrawn_at) VALUES (gen_random_uuid(),"
)
SUBMISSION = (
    f"INSERT INTO {S} (cycle_id, state, turnitin_id, failures, trouble, opened_at, pdf_id, pdf, due_at, similarity,"
    " completed_at, lease_token, lease_expires_at) VALUES"
)

# By the rule's name: statements that break it, and no other. %(…)s: see `there`.
REFUSED: dict[str, list[str]] = {
    # --- what a cycle may be ---
    "cycle_target_is_fraction": [
        f"{CYCLE} %(free)s, 1, 'awaiting_report', 1.5, '', '', now(), NULL)",
        f"{CYCLE} %(free)s, 1, 'awaiting_report', -0.1, '', '', now(), NULL)",
        f"{CYCLE} %(free)s, 1, 'awaiting_report', 'NaN', '', '', now(), NULL)",
    ],
    "cycle_report_iff_ready": [
        f"{C} state = 'report_ready' WHERE id = %(waiting)s",
        f"{C} state = 'report_ready', report_at = now(), observed_similarity = 0.1 WHERE id = %(waiting)s",
        f"{C} report_at = now() WHERE id = %(waiting)s",
        f"{C} observed_similarity = 0.1 WHERE id = %(waiting)s",
        f"{C} report_id = %(report)s, observed_similarity = 0.1 WHERE id = %(waiting)s",
        f"{C} resume_job_id = %(resume_of_waiting)s WHERE id = %(waiting)s",
        f"{C} report_id = NULL WHERE id = %(ready)s",
        f"{C} observed_similarity = NULL, report_id = NULL WHERE id = %(ready)s",
        f"{C} report_at = NULL WHERE id = %(ready)s",
    ],
    "cycle_closed_iff_judged": [
        f"{C} state = 'accepted' WHERE id = %(ready)s",
        f"{C} state = 'rejected' WHERE id = %(ready)s",
        f"{C} closed_at = now() WHERE id = %(ready)s",
        f"{C} closed_at = now() WHERE id = %(waiting)s",
    ],
    "cycle_withdrawn_is_not_judged": [
        f"{C} state = 'accepted', closed_at = now(), withdrawn_at = now() WHERE id = %(ready)s",
    ],
    "cycle_number_unique_in_run": [
        f"{CYCLE} %(run_of_accepted)s, 1, 'awaiting_report', 0.15, '', '', now(), NULL)",
    ],
    "cycle_one_open_per_run": [
        f"{CYCLE} %(run_of_waiting)s, 2, 'awaiting_report', 0.15, '', '', now(), NULL)",
        f"{CYCLE} %(run_of_ready)s, 2, 'awaiting_report', 0.15, '', '', now(), NULL)",
    ],
    # --- how it may come to be so ---
    "cycle_opens_awaiting": [
        f"{CYCLE} %(free)s, 1, 'report_ready', 0.15, '', '', now(), NULL)",
        f"{CYCLE} %(free)s, 1, 'accepted', 0.15, '', '', now(), NULL)",
        f"{CYCLE} %(free)s, 1, 'awaiting_report', 0.15, '', '', now(), now())",
    ],
    "cycle_keeps_its_document": [
        f"{C} target_similarity = 0.9 WHERE id = %(ready)s",
        f"{C} run_id = %(free)s WHERE id = %(waiting)s",
        f"{C} number = 7 WHERE id = %(waiting)s",
        f"{C} docx = 'another.docx' WHERE id = %(waiting)s",
        f"{C} markdown = 'another.md' WHERE id = %(accepted)s",
        f"{C} id = gen_random_uuid() WHERE id = %(waiting)s",
    ],
    "cycle_moves_forward": [
        f"{C} state = 'accepted', closed_at = now() WHERE id = %(waiting)s",
        f"{C} state = 'rejected', closed_at = now() WHERE id = %(waiting)s",
        f"{C} state = 'awaiting_report', report_id = NULL, report_at = NULL, observed_similarity = NULL "
        "WHERE id = %(ready)s",
    ],
    "cycle_ended_is_final": [
        f"{C} state = 'report_ready', closed_at = NULL WHERE id = %(accepted)s",
        f"{C} state = 'rejected' WHERE id = %(accepted)s",
        f"{C} state = 'accepted' WHERE id = %(rejected)s",
        f"{C} observed_similarity = 0.01 WHERE id = %(accepted)s",
        f"{C} closed_at = now() + interval '1 day' WHERE id = %(accepted)s",
        f"{C} report_at = now() + interval '1 day' WHERE id = %(rejected)s",
        f"{C} withdrawn_at = NULL WHERE id = %(withdrawn)s",
        f"{C} withdrawn_at = now() WHERE id = %(accepted)s",
        f"{C} state = 'report_ready', report_id = %(report_of_withdrawn)s, report_at = now(), "
        "observed_similarity = 0.1 WHERE id = %(withdrawn)s",
        f"{C} resume_job_id = %(resume_of_accepted)s WHERE id = %(accepted)s",
    ],
    "cycle_figure_is_its_reports": [
        f"{C} observed_similarity = 0.05 WHERE id = %(ready)s",
        f"{C} state = 'report_ready', report_at = now(), observed_similarity = 0.1, report_id = %(report_of_ready)s "
        "WHERE id = %(waiting)s",
        f"{C} report_id = %(bare)s WHERE id = %(ready)s",
    ],
    "cycle_resumes_by_its_run": [
        f"{C} resume_job_id = %(start)s WHERE id = %(ready)s",
        f"{C} resume_job_id = %(resume_of_waiting)s WHERE id = %(ready)s",
    ],
    # --- the inbox ---
    "report_delivered_once": [
        f"{REPORT} (%(ready)s, 'https://reports.example.org/1', 0.1, '[]', '', 'api', now(), 'report_ready', false)",
        f"{REPORT} (%(ready)s, 'https://reports.example.org/1', NULL, '[]', '', 'api', now(), 'report_ready', false)",
    ],
    "report_similarity_is_fraction": [
        f"{REPORT} (%(ready)s, 'https://r.example.org', 15, '[]', '', 'api', now(), 'report_ready', false)",
        f"{REPORT} (%(ready)s, 'https://r.example.org', -0.1, '[]', '', 'api', now(), 'report_ready', false)",
    ],
    "report_url_is_https": [
        f"{REPORT} (%(ready)s, 'http://r.example.org', 0.1, '[]', '', 'api', now(), 'report_ready', false)",
        f"{REPORT} (%(ready)s, 'javascript:alert(1)', 0.1, '[]', '', 'api', now(), 'report_ready', false)",
    ],
    "report_via_valid": [
        f"{REPORT} (%(ready)s, 'https://r.example.org', 0.1, '[]', '', 'fax', now(), 'report_ready', false)",
        f"{R} via = 'fax'",
    ],
    "report_state_valid": [
        f"{REPORT} (%(ready)s, 'https://r.example.org', 0.1, '[]', '', 'api', now(), 'lost', false)",
        f"{R} cycle_state = ''",
    ],
    "report_stays_as_it_came": [
        f"{R} observed_similarity = 0.05 WHERE cycle_id = %(ready)s",
        f"{R} report_url = 'https://r.example.org/other' WHERE cycle_id = %(ready)s",
        f"{R} cycle_id = %(waiting)s WHERE cycle_id = %(ready)s",
        f"""{R} top_matches = '[{{"name": "Else"}}]' WHERE cycle_id = %(ready)s""",
    ],
    # --- what is at Turnitin ---
    "submission_has_id_once_created": [
        f"{SUBMISSION} (%(waiting)s, 'processing', '', 0, '', now(), '', '', now(), NULL, NULL, NULL, NULL)",
        f"{SUBMISSION} (%(waiting)s, 'to_create', 'a', 0, '', now(), '', '', now(), NULL, NULL, NULL, NULL)",
    ],
    "submission_similarity_is_fraction": [
        f"{SUBMISSION} (%(waiting)s, 'complete', 'a', 0, '', now(), '', '', NULL, 15, now(), NULL, NULL)",
    ],
    "submission_complete_has_figure": [
        f"{SUBMISSION} (%(waiting)s, 'complete', 'a', 0, '', now(), '', '', NULL, NULL, now(), NULL, NULL)",
        f"{SUBMISSION} (%(waiting)s, 'complete', 'a', 0, '', now(), '', '', NULL, 0.1, NULL, NULL, NULL)",
    ],
    "submission_lease_is_whole": [
        f"{SUBMISSION} (%(waiting)s, 'to_create', '', 0, '', now(), '', '', now(), NULL, NULL, NULL, now())",
        f"{SUBMISSION} (%(waiting)s, 'to_create', '', 0, '', now(), '', '', now(), NULL, NULL, "
        "gen_random_uuid(), NULL)",
    ],
    "submission_under_way_is_due": [
        f"{SUBMISSION} (%(waiting)s, 'to_create', '', 0, '', now(), '', '', NULL, NULL, NULL, NULL, NULL)",
    ],
    "submission_turnitin_id_unique": [
        f"{SUBMISSION} (%(waiting)s, 'processing', 'theirs', 0, '', now(), '', '', now(), NULL, NULL, NULL, NULL)",
    ],
    "submission_id_is_final": [
        f"UPDATE {S} SET turnitin_id = 'another'",
        f"UPDATE {S} SET cycle_id = %(waiting)s",
    ],
    "autonomy_turnitin_submissions_cycle_id_key": [
        f"{SUBMISSION} (%(accepted)s, 'to_create', '', 0, '', now(), '', '', now(), NULL, NULL, NULL, NULL)",
    ],
    "autonomy_turnitin_submissions_failures_check": [f"UPDATE {S} SET failures = -1"],
    "autonomy_turnitin_cycles_number_check": [
        f"{CYCLE} %(free)s, -1, 'awaiting_report', 0.15, '', '', now(), NULL)",
    ],
    "autonomy_turnitin_cycles_resume_job_id_key": [
        f"{C} resume_job_id = %(resume_of_rejected)s WHERE id = %(second)s",
    ],
    "autonomy_turnitin_licences_version_key": [
        "INSERT INTO autonomy_turnitin_licences (version, language, accepted_by, accepted_at) "
        "VALUES ('v1beta', 'en-US', 'mb', now())",
    ],
}

# Held twice: another rule refuses these before their own is asked. So they are shown without the others.
HELD_TWICE = {
    "cycle_status_valid": [
        f"{C} state = 'lost', report_id = %(report)s, observed_similarity = 0.1, report_at = now() "
        "WHERE id = %(waiting)s",
    ],
    "cycle_similarity_is_fraction": [
        f"{C} observed_similarity = 15 WHERE id = %(ready)s",
        f"{C} observed_similarity = -0.1 WHERE id = %(ready)s",
        f"{C} observed_similarity = 'NaN' WHERE id = %(ready)s",
    ],
    "autonomy_turnitin_cycles_report_id_key": [f"{C} report_id = %(report_of_ready)s WHERE id = %(second)s"],
    "submission_state_valid": [
        f"UPDATE {S} SET state = 'lost'",
    ],
}


def cycle_of(run: Run, number: int = 1) -> Cycle:
    return Cycle.objects.create(run=run, number=number, target_similarity=0.15)


@pytest.fixture
def there() -> dict[str, Any]:
    """A cycle in each state, reports, jobs, a submission and a licence: what the statements name."""
    runs = {name: RunFactory() for name in ("waiting", "ready", "accepted", "rejected", "withdrawn", "free")}
    cycles = {name: cycle_of(run) for name, run in runs.items() if name != "free"}
    # The inbox has a report for the cycles that wait: a delivery is a row before it is a move.
    report, report_of_withdrawn = report_of(cycles["waiting"]), report_of(cycles["withdrawn"])
    resume = queue.enqueue_resume(runs["ready"].pk)
    report_of_ready = made_ready(cycles["ready"], resume)
    bare = report_of(cycles["ready"], observed_similarity=None)
    judged(cycles["accepted"])
    resume_of_rejected = queue.enqueue_resume(runs["rejected"].pk)
    judged(cycles["rejected"], "rejected", job=resume_of_rejected, observed_similarity=0.4)
    second = cycle_of(runs["rejected"], 2)
    made_ready(second)
    Cycle.objects.filter(pk=cycles["withdrawn"].pk).update(withdrawn_at="2026-01-01T00:00:00Z")
    Submission.objects.create(
        cycle=cycles["accepted"],
        state="complete",
        turnitin_id="theirs",
        similarity=0.1,
        completed_at="2026-01-01T00:00Z",
    )
    Licence.objects.create(version="v1beta", accepted_by="mb", accepted_at="2026-01-01T00:00Z")
    ready = runs["ready"]
    return {
        **{name: cycle.pk for name, cycle in cycles.items()},
        **{f"run_of_{name}": runs[name].pk for name in ("waiting", "ready", "accepted")},
        "free": runs["free"].pk,
        "report": report.pk,
        "report_of_ready": report_of_ready.pk,
        "report_of_withdrawn": report_of_withdrawn.pk,
        "bare": bare.pk,
        "resume_of_waiting": queue.enqueue_resume(runs["waiting"].pk).pk,
        "resume_of_accepted": queue.enqueue_resume(runs["accepted"].pk).pk,
        "resume_of_rejected": resume_of_rejected.pk,
        "second": second.pk,
        "start": queue.enqueue_start(ready.pk, ready.user_id, ready.journey).pk,
    }


def rules_in_the_database() -> set[str]:
    """Every CHECK, UNIQUE and trigger that this app has put on its tables."""
    with connection.cursor() as cursor:
        cursor.execute("""
            SELECT conname FROM pg_constraint WHERE contype IN ('c', 'u') AND conrelid::regclass::text LIKE %(ours)s
            UNION SELECT i.relname FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
            WHERE x.indisunique AND NOT x.indisprimary AND x.indrelid::regclass::text LIKE %(ours)s
            UNION SELECT substring(tgname FROM 'pgtrigger_(.*)_[0-9a-f]{5}$') FROM pg_trigger
            WHERE NOT tgisinternal AND tgrelid::regclass::text LIKE %(ours)s
        """, {"ours": "autonomy_turnitin_%"})  # fmt: skip
        return {name for (name,) in cursor.fetchall()}


def refused(sql: str, there: dict[str, Any]) -> str:
    """The name of the rule that refuses the statement."""
    with pytest.raises(IntegrityError) as caught, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, there)
    return str(caught.value.__cause__.diag.constraint_name)  # type: ignore[union-attr]


@pytest.mark.parametrize(("rule", "sql"), [(rule, sql) for rule, several in REFUSED.items() for sql in several])
def test_plain_sql_that_breaks_a_rule_is_refused_by_its_name(there, rule, sql):
    assert refused(sql, there) == rule


@pytest.mark.parametrize(("rule", "sql"), [(rule, sql) for rule, several in HELD_TWICE.items() for sql in several])
def test_a_rule_that_is_held_twice_holds_by_itself(there, rule, sql):
    assert refused(sql, there) != rule
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in ("cycles", "reports", "submissions"):
            cursor.execute(f"ALTER TABLE autonomy_turnitin_{table} DISABLE TRIGGER USER")
        cursor.execute(f"ALTER TABLE {S} DROP CONSTRAINT submission_has_id_once_created")
    assert refused(sql, there) == rule


def test_every_rule_there_is_is_shown():
    assert set(REFUSED) | set(HELD_TWICE) == rules_in_the_database()


def test_a_report_that_counts_cannot_be_deleted(there):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM autonomy_turnitin_reports WHERE id = %(report_of_ready)s", there)
        with pytest.raises(IntegrityError, match="report_id"):
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_the_legal_steps_are_not_refused(there):
    ready = Cycle.objects.get(pk=there["ready"])
    Job.objects.filter(pk=ready.resume_job_id).delete()
    ready.refresh_from_db()
    assert ready.resume_job is None, "a job may go; the cycle stays as it is"
    Report.objects.filter(pk=there["report_of_ready"]).update(too_late=True, delivered_by=UserFactory())
    Cycle.objects.filter(pk=there["ready"]).update(withdrawn_at="2026-01-02T00:00Z")


def test_a_run_is_deleted_with_all_of_it(there):
    for run in Run.objects.all():
        run.delete()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert [model.objects.count() for model in (Cycle, Report, Submission, Job, Licence)] == [0, 0, 0, 0, 1]

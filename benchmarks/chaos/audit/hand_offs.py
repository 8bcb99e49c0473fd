"""Cycles and reports: one resume for each, one judgement, and an outcome that follows from it."""

from __future__ import annotations

from django.core.files.storage import default_storage
from django.db import connection

from benchmarks.chaos.audit.check import check, sentences


@check
def every_pause_has_one_cycle() -> list[str]:
    """Cycles are numbered 1, 2, 3 …, each opened once and paused at once; only the newest may be open or accepted."""
    return sentences("""
        SELECT format('Run %s has the cycles %s (%s), %s cycle_opened and %s node_paused episodes.',
                      r.id, kept.numbers, kept.states, told.opened, told.paused)
        FROM autonomy_runs r,
        LATERAL (SELECT coalesce(array_agg(number::int ORDER BY number), '{}') numbers,
                        coalesce(array_agg(state::text ORDER BY number), '{}') states
                 FROM autonomy_turnitin_cycles WHERE run_id = r.id) kept,
        LATERAL (SELECT count(*) FILTER (WHERE kind = 'cycle_opened') opened,
                        count(*) FILTER (WHERE kind = 'node_paused') paused
                 FROM autonomy_episodic_logs WHERE run_id = r.id) told
        WHERE kept.numbers <> ARRAY(SELECT generate_series(1, cardinality(kept.numbers)))
           OR told.opened <> cardinality(kept.numbers) OR told.paused <> cardinality(kept.numbers)
           OR 'rejected' <> ANY (kept.states[:cardinality(kept.states) - 1])
    """)


@check
def cycles_are_withdrawn_with_their_run() -> list[str]:
    """A cancelled run has withdrawn its open cycle, no other run has withdrawn any, and none that is done left one."""
    return sentences("""
        SELECT format('Cycle %s of run %s is %s and %s, while the run is %s (%s).', c.number, c.run_id, c.state,
                      CASE WHEN c.withdrawn_at IS NULL THEN 'not withdrawn' ELSE 'withdrawn' END, r.status, r.outcome)
        FROM autonomy_turnitin_cycles c JOIN autonomy_runs r ON r.id = c.run_id
        WHERE (c.withdrawn_at IS NOT NULL AND r.status <> 'cancelled')
           OR (c.withdrawn_at IS NULL AND c.closed_at IS NULL AND r.status IN ('done', 'cancelled'))
    """)


@check
def one_resume_per_report() -> list[str]:
    """Each cycle whose report came has one resume job of its own, and none was refused.

    Another one exists only where a run that had failed or used up its budget was reopened to judge its report.
    """
    return sentences("""
        SELECT format('Cycle %s of run %s is %s with %s resume job.', c.number, c.run_id, c.state,
                      CASE WHEN c.resume_job_id IS NULL THEN 'no' ELSE 'a' END)
        FROM autonomy_turnitin_cycles c WHERE (c.state = 'awaiting_report') <> (c.resume_job_id IS NULL)
        UNION ALL
        SELECT format('Run %s has %s resume jobs that belong to no cycle of it, and was reopened %s times.',
                      r.id, stray.n, told.reopened)
        FROM autonomy_runs r,
        LATERAL (SELECT count(*) n FROM autonomy_job_queue j
                 LEFT JOIN autonomy_turnitin_cycles c ON c.resume_job_id = j.id AND c.run_id = j.run_id
                 WHERE j.run_id = r.id AND j.kind = 'resume' AND c.id IS NULL) stray,
        LATERAL (SELECT count(*) reopened FROM autonomy_episodic_logs
                 WHERE run_id = r.id AND kind IN ('run_retried', 'budget_raised')) told
        WHERE stray.n > told.reopened
        UNION ALL
        SELECT format('Cycle %s of run %s has a %s job of run %s as its resume.', c.number, c.run_id, j.kind, j.run_id)
        FROM autonomy_turnitin_cycles c JOIN autonomy_job_queue j ON j.id = c.resume_job_id
        WHERE j.run_id <> c.run_id OR j.kind <> 'resume'
        UNION ALL
        SELECT format('A resume of run %s was refused (episode %s): %s', run_id, seq, message)
        FROM autonomy_episodic_logs WHERE kind = 'resume_refused'
    """)


@check
def every_report_taken_in_is_told_once() -> list[str]:
    """For each cycle as many report episodes as deliveries that came in time; others are told as too late."""
    return sentences("""
        SELECT format('Cycle %s of run %s took in %s reports, %s more without a figure; its episodes tell %s and %s.',
                      c.number, c.run_id, kept.figures, kept.bare, told.figures, told.bare)
        FROM autonomy_turnitin_cycles c,
        LATERAL (SELECT count(observed_similarity) figures, count(*) - count(observed_similarity) bare
                 FROM autonomy_turnitin_reports WHERE cycle_id = c.id AND NOT too_late) kept,
        LATERAL (SELECT count(*) FILTER (WHERE kind = 'report_received') figures,
                        count(*) FILTER (WHERE kind = 'report_incomplete') bare
                 FROM autonomy_episodic_logs WHERE run_id = c.run_id AND data ->> 'cycle_id' = c.id::text) told
        WHERE kept.figures <> told.figures OR kept.bare <> told.bare
           OR (c.state = 'awaiting_report') <> (kept.figures = 0)
    """)


@check
def every_cycle_is_judged_once() -> list[str]:
    """In order, each closed cycle has one judgement among the episodes, by its own figure against its target."""
    return sentences("""
        SELECT format('Run %s judged its cycles as %s; its episodes tell %s.', r.id, kept.judged, told.judged)
        FROM autonomy_runs r,
        LATERAL (SELECT coalesce(array_agg(format('%s %s', state, observed_similarity) ORDER BY number), '{}') judged
                 FROM autonomy_turnitin_cycles WHERE run_id = r.id AND closed_at IS NOT NULL) kept,
        LATERAL (SELECT coalesce(array_agg(format('%s %s', split_part(kind, '_', 2),
                                                  (data ->> 'observed_similarity')::float) ORDER BY seq), '{}') judged
                 FROM autonomy_episodic_logs
                 WHERE run_id = r.id AND kind IN ('similarity_accepted', 'similarity_rejected')) told
        WHERE kept.judged <> told.judged
        UNION ALL
        SELECT format('Cycle %s of run %s is %s with a similarity of %s and a target of %s.',
                      number, run_id, state, observed_similarity, target_similarity)
        FROM autonomy_turnitin_cycles
        WHERE closed_at IS NOT NULL AND (state = 'accepted') <> (observed_similarity <= target_similarity)
    """)


@check
def outcomes_agree_with_cycles() -> list[str]:
    """Accepted if and only if the last cycle is; and one revision for each rejection that another draft followed."""
    return sentences("""
        SELECT format('Run %s is %s (%s) in revision %s with %s rejected and %s accepted cycles.',
                      r.id, r.status, r.outcome, r.revision, kept.rejected, kept.accepted)
        FROM autonomy_runs r,
        LATERAL (SELECT count(*) FILTER (WHERE state = 'rejected') rejected,
                        count(*) FILTER (WHERE state = 'accepted') accepted
                 FROM autonomy_turnitin_cycles WHERE run_id = r.id) kept
        WHERE (r.outcome = 'accepted') <> (kept.accepted = 1) OR kept.accepted > 1
           OR r.revision <> least(kept.rejected, r.max_revisions)
    """)


@check
def documents_are_there() -> list[str]:
    """Both files of every cycle exist and are not empty."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT run_id, number, unnest(ARRAY[markdown, docx]) FROM autonomy_turnitin_cycles")
        rows = cursor.fetchall()
    return [
        f"Cycle {number} of run {run_id} has no document {name}."
        for run_id, number, name in rows
        if not default_storage.exists(name) or not default_storage.size(name)
    ]

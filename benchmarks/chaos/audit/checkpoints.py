"""Checkpoints: one chain, no fork, every value there."""

from __future__ import annotations

from benchmarks.chaos.audit.check import check, sentences


@check
def checkpoints_form_one_chain() -> list[str]:
    """The seed and one for each finished superstep, in a line: one beginning, and never two after the same one."""
    return sentences("""
        SELECT format('Run %s has %s checkpoints after %s finished supersteps: %s of them first, %s behind one that '
                      'does not exist, %s beside another.',
                      r.id, kept.n, told.n, kept.roots, kept.orphans, kept.n - kept.roots - kept.parents)
        FROM autonomy_runs r,
        LATERAL (SELECT count(*) n, count(*) FILTER (WHERE c.parent_checkpoint_id IS NULL) roots,
                        count(DISTINCT c.parent_checkpoint_id) parents,
                        count(*) FILTER (WHERE c.parent_checkpoint_id IS NOT NULL AND p.id IS NULL) orphans
                 FROM autonomy_checkpoints c LEFT JOIN autonomy_checkpoints p
                   ON p.run_id = c.run_id AND p.namespace = c.namespace AND p.checkpoint_id = c.parent_checkpoint_id
                 WHERE c.run_id = r.id) kept,
        LATERAL (SELECT count(*) n FROM autonomy_episodic_logs WHERE run_id = r.id AND kind = 'node_finished') told
        WHERE kept.n <> told.n + 1 OR kept.roots <> 1 OR kept.orphans <> 0 OR kept.n <> kept.roots + kept.parents
    """)


@check
def newest_checkpoint_agrees_with_its_run() -> list[str]:
    """Route and revision are the same in both. A run that ended at a boundary left its checkpoint behind, rightly."""
    return sentences("""
        SELECT format('Run %s is at %s, revision %s; its newest checkpoint is at %s, revision %s.',
                      r.id, r.route, r.revision, c.kept ->> 'route', c.kept ->> 'revision')
        FROM autonomy_runs r,
        LATERAL (SELECT checkpoint -> 'channel_values' kept FROM autonomy_checkpoints
                 WHERE run_id = r.id ORDER BY checkpoint_id DESC LIMIT 1) c
        WHERE (c.kept ->> 'route' <> r.route AND r.outcome NOT IN ('budget_exceeded', 'cancelled'))
           OR (c.kept ->> 'revision')::int <> r.revision
    """)


@check
def checkpoint_values_are_all_there() -> list[str]:
    """Every version of a channel that a checkpoint names is in the checkpoint itself or among the blobs."""
    return sentences("""
        SELECT format('Checkpoint %s of run %s lacks the value of %s.', c.checkpoint_id, c.run_id, v.key)
        FROM autonomy_checkpoints c, jsonb_each_text(c.checkpoint -> 'channel_versions') v
        WHERE NOT c.checkpoint -> 'channel_values' ? v.key AND NOT EXISTS (
            SELECT 1 FROM autonomy_checkpoint_blobs b
            WHERE b.run_id = c.run_id AND b.namespace = c.namespace AND b.channel = v.key AND b.version = v.value)
    """)

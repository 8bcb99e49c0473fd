"""`make chaos` in its shortest form: real workers are killed, real servers restarted, and the audit finds nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.chaos.worker_logs import late_workers, unexpected_errors

ROOT = Path(__file__).resolve().parents[2]
SMALL = [*("--runs", "5"), *("--kills", "2"), *("--freezes", "1"), *("--stops", "1"), *("--redis", "1")]
SMALL += [*("--postgres", "1"), *("--seconds", "6"), *("--lease", "2")]


def storm(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.chaos", *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_runs_survive_a_small_storm_and_the_developer_s_settings_are_left_alone():
    """The database named here does not exist: a storm that looked at it would fail."""
    ended = storm(*SMALL, DATABASE_URL="postgresql://nobody@127.0.0.1:1/nowhere", AUTONOMY_JOB_ATTEMPTS="1")
    told = ended.stdout.splitlines()
    assert (ended.returncode, told[-1]) == (0, "audit clean"), ended.stdout + ended.stderr
    assert "5 attempts" in told[0]
    assert "  SIGKILLs " in ended.stdout


def test_an_error_that_no_outage_explains_is_found_in_the_workers_logs(tmp_path):
    ours, late = {"logger": "autonomy.runtime.step", "level": "error"}, {"event": "lease_lost", "level": "warning"}
    raised = {"logger": "celery.worker.request", "level": "error"}
    lines = [
        {**ours, "event": "step_failed", "error": "IntegrityError"},
        {**ours, "event": "step_failed", "error": "OperationalError"},
        {**raised, "event": "Task handler raised error: KeyError('x')"},
        {**raised, "event": "Task handler raised error: WorkerLostError('signal 9 (SIGKILL) Job: 5.')"},
        {**raised, "event": "consumer: Cannot connect to redis"},
        late,
    ]
    text = "\n".join(["not JSON", *map(json.dumps, lines), '{"event": "cut off by a ki'])
    (tmp_path / "worker-1.log").write_text(text)
    assert unexpected_errors(tmp_path) == [
        "The workers' logs tell 1 times: step_failed IntegrityError",
        "The workers' logs tell 1 times: Task handler raised error: KeyError",
    ]
    assert late_workers(tmp_path) == 1

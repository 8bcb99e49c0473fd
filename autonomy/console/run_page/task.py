"""What was asked, in words and as the API takes it, and the jobs that worked on it."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from autonomy.console import figures
from autonomy.models import Job, Run

# Fields of the task spec that have words of their own here.
_TOLD = {"topic", "title", "sections", "words", "web_search", "model", "target_similarity", "max_revisions", "limits"}
JOBS = 20
ICONS = {
    Job.State.QUEUED: ("schedule", "plain"),
    Job.State.RUNNING: ("autorenew", "plain"),
    Job.State.DONE: ("check", "good"),
    Job.State.FAILED: ("error", "bad"),
    Job.State.CANCELLED: ("block", "warn"),
}


def read(request: HttpRequest, run: Run) -> dict[str, Any]:
    spec = run.task_spec
    words = spec.get("words")
    return {
        "topic": str(spec.get("topic") or "–"),
        "title": str(spec.get("title") or "The plan chooses."),
        "sections": [str(one) for one in spec.get("sections") or []],
        "words": f"{words:,}" if isinstance(words, int) else "–",
        "searches": "Its own, and those that a search finds." if spec.get("web_search") else "Its own.",
        "model": str(spec.get("model") or ""),
        "further": [(name.replace("_", " "), value) for name, value in spec.items() if name not in _TOLD],
        "as_json": json.dumps({"journey": run.journey, "task_spec": spec}, ensure_ascii=False, indent=2),
        "jobs": _jobs(run) if request.user.has_perm("autonomy.view_job") else [],
        "all_jobs": f"{reverse('admin:autonomy_job_changelist')}?run__id__exact={run.pk}",
    }


def _jobs(run: Run) -> list[dict[str, Any]]:
    return [
        {
            "address": reverse("admin:autonomy_job_change", args=[job.pk]),
            "kind": job.get_kind_display(),
            "state": job.get_state_display(),
            "icon": ICONS[Job.State(job.state)][0],
            "tone": ICONS[Job.State(job.state)][1],
            "attempts": f"attempt {job.attempt} of {job.max_attempts}" if job.attempt else "not claimed",
            "worker": job.worker,
            "error": job.last_error,
            "age": figures.age(job.created_at),
        }
        for job in Job.objects.filter(run=run).order_by("-pk")[:JOBS]
    ]

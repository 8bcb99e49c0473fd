"""The newest steps of a run with how long each took, those that failed among them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from autonomy.console import figures
from autonomy.console.nodes import TITLES
from autonomy.console.run_page.kinds import look_of
from autonomy.episodes.kinds import Kind
from autonomy.models import Job, Run
from autonomy.selectors.path import steps

SHOWN = 12
BAR = 100  # units of a bar's picture


def read(request: HttpRequest, run: Run) -> dict[str, Any]:
    found = steps(run, limit=SHOWN)
    longest = max((step["seconds"] or 0 for step in found["steps"]), default=0)
    return {
        "under_way": _under_way(run),
        "rows": [_row(step, longest) for step in found["steps"]],
        "more": found["more"],
    }


def _under_way(run: Run) -> dict[str, Any] | None:
    job = None if run.ended else Job.objects.filter(run=run, state=Job.State.RUNNING).first()
    if job is None:
        return None
    began = max(filter(None, [job.started_at, run.updated_at]))
    return {
        "node": TITLES.get(run.route, run.route),
        "since": figures.duration(max(0.0, (timezone.now() - began).total_seconds())),
        "attempt": f"attempt {job.attempt} of {job.max_attempts}" if job.attempt > 1 else "",
        "worker": job.worker,
    }


def _row(step: dict[str, Any], longest: float) -> dict[str, Any]:
    look, seconds = look_of(step["kind"]), step["seconds"]
    succeeded = step["kind"] in (Kind.NODE_FINISHED, Kind.NODE_PAUSED)
    return {
        "seq": step["seq"],
        "node": TITLES.get(step["node"], step["node"]),
        "result": _result(step) if succeeded else look.words,
        "why": "" if succeeded else step["message"],
        "tone": look.tone if not succeeded else "plain",
        "icon": look.icon,
        "attempt": f"attempt {step['attempt']}" if step["attempt"] > 1 else "",
        "duration": figures.latency(1000 * seconds) if seconds is not None else "",
        "bar": max(1, round(BAR * seconds / longest)) if seconds and longest else 0,
        "tokens": f"{step['tokens']:,} tokens" if step["tokens"] else "",
        "at": _clock(datetime.fromisoformat(step["at"])),
    }


def _result(step: dict[str, Any]) -> str:
    if step["kind"] == Kind.NODE_PAUSED:
        return "waits for the report"
    then = step["next"]
    if then == step["node"]:
        told = "a part is done"
    elif then == "END":
        told = "done, the run ends"
    else:
        told = f"done, next is {TITLES.get(then, then)}"
    return f"{told} (after a wait of {figures.duration(step['waited'])})" if step["waited"] is not None else told


def _clock(at: datetime) -> SafeString:
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>', at.isoformat(), f"{at:%Y-%m-%d %H:%M:%S}", f"{at:%H:%M:%S}"
    )

"""The console's home page: what needs a person, what goes on, what it costs, and how the providers are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from autonomy.console import figures
from autonomy.console.concern import CONCERNS, SHOWN, Concern, Found, Matter
from autonomy.console.nodes import PHRASES
from autonomy.console.providers_page import state_in_words
from autonomy.console.read_only import shortened
from autonomy.console.spend_chart import KINDS, spend_chart
from autonomy.console.verb import RAISE, RETRY, Verb
from autonomy.models import Run
from autonomy.providers.breaker import breaker
from autonomy.selectors import overview
from autonomy.selectors.daily_spend import daily_spend
from autonomy.selectors.permission import may
from autonomy.selectors.providers import last_failures, provider_states

RUNS_SHOWN = 8
STATES = {
    "closed": ("check_circle", "good"),
    "half_open": ("help", "doubtful"),
    "open": ("pause_circle", "bad"),
    "off": ("key_off", "bad"),
}


def home(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's DASHBOARD_CALLBACK. A part that this person may not see is None."""
    sees_runs, sees_jobs, sees_calls = (_sees(request, name) for name in ("run", "job", "providercall"))
    queue = _queue() if sees_jobs else None
    return context | {
        "title": "Home",
        "as_of": timezone.now(),
        "needs": _needs(request) if sees_runs else None,
        "queue": queue,
        "under_way": _under_way(request) if sees_runs else None,
        "spend": spend_chart(daily_spend()) if sees_calls else None,
        "health": _health() if sees_calls else None,
    }


def _sees(request: HttpRequest, model: str) -> bool:
    return any(request.user.has_perm(f"autonomy.{act}_{model}") for act in ("view", "change"))


def _needs(request: HttpRequest) -> dict[str, Any]:
    found = [(concern, concern.read(request)) for concern in [*CONCERNS, *ENDED_EARLY]]
    every_run = reverse("admin:autonomy_run_changelist")
    return {
        "days": overview.DAYS,
        "notes": [one.note for _, one in found if one.note],
        "lists": [
            {
                "title": concern.title,
                "icon": concern.icon,
                "since": concern.since,
                "total": one.total,
                "shown": len(one.matters),
                "every": concern.every,
                "address": f"{every_run}?{concern.query}",
                "matters": [_told(matter) for matter in one.matters],
            }
            for concern, one in found
            if one.matters
        ],
    }


def _told(matter: Matter) -> dict[str, Any]:
    lines = matter.reason.strip().splitlines() or [""]
    return {
        "run": matter.run,
        "since": _how_long(matter.since),
        "reason": shortened(lines[0], 200),
        "verb": matter.verb,
        "address": matter.address,
    }


def _under_way(request: HttpRequest) -> dict[str, Any]:
    runs = overview.under_way(RUNS_SHOWN)
    sees_episodes, sees_jobs = _sees(request, "episode"), _sees(request, "job")
    return {
        "total": runs[0].of if runs else 0,
        "shown": len(runs),
        "all": f"{reverse('admin:autonomy_run_changelist')}?status__exact=running",
        "runs": [
            {
                "run": run,
                "next": PHRASES.get(run.route, run.route),
                "revision": f"revision {run.revision} of {run.max_revisions}" if run.revision else "first draft",
                "said": shortened(run.said or "", 160) if sees_episodes else "",
                "said_ago": _how_long(run.said_at) if run.said_at else "",
                "worker": (run.worker if sees_jobs else "") or "",
                "is_at_work": run.worker is not None,
                "meter": figures.meter(max(figures.spends(run), key=lambda spend: spend.percent)),
            }
            for run in runs
        ],
    }


def _queue() -> dict[str, Any]:
    queue, workers = overview.queue(), overview.workers_alive()
    oldest, now = queue["oldest_due_seconds"], timezone.now().timestamp()
    return {
        **queue,
        "oldest": None if oldest is None else figures.duration(oldest),
        "known": workers is not None,
        "workers": [
            {"name": one["name"], "ago": figures.duration(round(max(0.0, now - one["seen"])))} for one in workers or []
        ],
        "idle": workers == [] and bool(queue["due"]),
        "all": reverse("admin:autonomy_job_changelist"),
    }


def _health() -> dict[str, Any]:
    states, failures = provider_states(), last_failures()
    told = [_provider(one, failures.get(f"{one['kind']}:{one['name']}")) for one in states]
    return {
        "shared": breaker().shared,
        "in_use": sum(one["state"] == "closed" for one in states),
        "total": len(states),
        # Trouble first, else in their order of preference.
        "providers": sorted(told, key=lambda one: one["tone"] == "good"),
    }


def _provider(one: dict[str, Any], failure: dict[str, Any] | None) -> dict[str, Any]:
    icon, tone = STATES[one["state"]]
    return {
        "name": one["name"],
        "model": one["model"],
        "kind": KINDS[one["kind"]],
        "icon": icon,
        "tone": tone,
        "state": state_in_words(one),
        "failed_ago": _how_long(failure["at"]) if failure else "",
        "error": shortened(failure["error"], 120) if failure else "",
    }


def _ended(outcome: Run.Outcome, verb: Verb) -> Callable[[HttpRequest], Found]:
    """Runs that ended early: two queries."""

    def read(request: HttpRequest) -> Found:
        runs = overview.ended_early(outcome)
        shown = [(run, run.ended_at) for run in runs[:SHOWN]]
        matters = [Matter(run, at, run.reason, *_offer(request, run, verb)) for run, at in shown if at]
        return Found(matters, runs.count())

    return read


def _how_long(since: datetime) -> SafeString:
    """As figures.age tells it, but never nought minutes."""
    if timezone.now() - since >= timedelta(minutes=1):
        return format_html("{}", figures.age(since))
    return format_html('<time datetime="{}">less than a minute</time>', since.isoformat())


def _offer(request: HttpRequest, run: Run, verb: Verb) -> tuple[str, str]:
    """The verb and its address, where it may be done to the run by this person."""
    if not may(request.user, run, verb.act) or verb.why_not(run):
        return "", ""
    return verb.title, reverse(verb.address, args=[run.pk])


ENDED_EARLY = (
    Concern("Failed", "error", "failed", "All failed runs", "status__exact=failed", _ended(Run.Outcome.FAILED, RETRY)),
    Concern(
        "Ended at a limit",
        "data_usage",
        "ended",
        "All runs that ended at a limit",
        "outcome__exact=budget_exceeded",
        _ended(Run.Outcome.BUDGET_EXCEEDED, RAISE),
    ),
)

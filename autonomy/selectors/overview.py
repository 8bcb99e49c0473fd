"""How it stands with the runs, the queue and the workers: what somebody asks who has just come in."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Count, DurationField, ExpressionWrapper, Min, OuterRef, Q, QuerySet, Subquery, Window
from django.db.models.functions import Now

from autonomy.models import Episode, Job, Run
from autonomy.runtime import workers

DAYS = 7
# An operator reads a title, an owner and a reason. What was asked can be long.
HEAVY = ("task_spec",)


def ended_early(outcome: str) -> QuerySet[Run]:
    """Runs of the last DAYS days with this outcome, `failed` or `budget_exceeded`: the newest first, with owners."""
    # As the index run_ended_early has it.
    ended = Run.objects.filter(outcome=outcome, ended_at__gte=Now() - timedelta(days=DAYS))
    return ended.defer(*HEAVY).select_related("user").order_by("-ended_at")


def under_way(most: int) -> list[Any]:
    """Runs that workers execute, that which has stood still for longest first. Of each besides its own fields:
    `worker`, empty between two jobs; `said` and `said_at`, its newest episode; `of`, how many such runs there are.
    """
    newest = Episode.objects.filter(run=OuterRef("pk"), seq=OuterRef("last_seq"))
    running = Job.objects.filter(run=OuterRef("pk"), state=Job.State.RUNNING)
    runs = Run.objects.filter(status=Run.Status.RUNNING).defer(*HEAVY).select_related("user")
    return list(
        runs.annotate(
            worker=Subquery(running.values("worker")[:1]),
            said=Subquery(newest.values("message")[:1]),
            said_at=Subquery(newest.values("created_at")[:1]),
            of=Window(Count("pk")),
        ).order_by("updated_at")[:most]
    )


def queue() -> dict[str, Any]:
    """`{due, later, running, expired, oldest_due_seconds}`, JSON-able: jobs whose time has come, those whose time is
    still to come, those on workers, and of these the ones whose worker has not renewed its lease; how long the oldest
    of those that are due has waited, or None.
    """
    due = Q(state=Job.State.QUEUED, scheduled_at__lte=Now())
    running = Q(state=Job.State.RUNNING)
    # The index job_by_state leads to those that are not over.
    live = Job.objects.filter(state__in=[Job.State.QUEUED, Job.State.RUNNING])
    counted = live.aggregate(
        due=Count("pk", filter=due),
        later=Count("pk", filter=Q(state=Job.State.QUEUED, scheduled_at__gt=Now())),
        running=Count("pk", filter=running),
        expired=Count("pk", filter=running & Q(lease_expires_at__lt=Now())),
        oldest=ExpressionWrapper(Now() - Min("scheduled_at", filter=due), output_field=DurationField()),
    )
    oldest = counted.pop("oldest")
    return {**counted, "oldest_due_seconds": None if oldest is None else max(0.0, oldest.total_seconds())}


def workers_alive() -> list[dict[str, Any]] | None:
    """`[{name, seen}]`, or None where Redis does not answer. `seen`: unix seconds."""
    return workers.alive()

"""What ended runs need no longer: checkpoints beyond a bound, episodes past an age.

Always kept are the newest checkpoint with its pending writes, from which a run can be retried or continued, the
checkpoints that forks started from, and the episodes from the run's end on. A run that has not ended is not touched.
"""

from __future__ import annotations

import time
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max, Min, QuerySet
from django.db.models.functions import Now

from autonomy.checkpoints import upkeep
from autonomy.episodes.kinds import Kind
from autonomy.models import Episode, Run
from autonomy.models.run import CHECKPOINTS_BOUND, EPISODES_FROM
from autonomy.runtime import draining

log = structlog.get_logger(__name__)

# Right after its end a run is still looked at, retried, continued, forked.
GRACE = timedelta(minutes=10)
# Rows of one run that go in one transaction.
BATCH = 500
# A worker does this beside its jobs: what is left after so many seconds, of either kind, waits for the next time.
PATIENCE = 10.0

ENDINGS = (Kind.RUN_ENDED, Kind.RUN_FAILED, Kind.RUN_CANCELLED)


def prune() -> None:
    """One run in each short transaction, until none is due, the time is up or the worker is told to stop.

    Several at once share the runs.
    """
    for prune_next in (_prune_checkpoints, _prune_episodes):
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and draining.seconds() is None and prune_next():
            pass


def with_checkpoints_due() -> QuerySet[Run]:
    """Ended runs whose checkpoints were not yet held to today's bound since their end."""
    return Run.objects.alias(bound=CHECKPOINTS_BOUND).filter(
        ended_at__lt=Now() - GRACE, bound__gt=settings.ENV.autonomy_keep_checkpoints
    )


def with_episodes_due() -> QuerySet[Run]:
    """Ended runs whose end is so long ago that their episodes go."""
    days = settings.ENV.autonomy_keep_episodes_days
    if not days:
        return Run.objects.none()
    return Run.objects.alias(kept_from=EPISODES_FROM).filter(kept_from__lt=Now() - timedelta(days=days))


def _prune_checkpoints() -> bool:
    keep = settings.ENV.autonomy_keep_checkpoints
    with transaction.atomic():
        if (run := _lock_one(with_checkpoints_due())) is None:
            return False
        spare = run.forks.exclude(forked_from_checkpoint="").values_list("forked_from_checkpoint", flat=True)
        with connection.cursor() as cursor:
            gone = upkeep.prune(cursor, [str(run.pk)], keep=keep, spare=list(spare), most=BATCH)
        if gone < BATCH:
            Run.objects.filter(pk=run.pk).update(checkpoints_pruned_at=Now(), checkpoints_kept=keep)
    if gone:
        log.info("checkpoints_pruned", run_id=str(run.pk), count=gone)
    return True


def _prune_episodes() -> bool:
    with transaction.atomic():
        if (run := _lock_one(with_episodes_due())) is None:
            return False
        episodes = Episode.objects.filter(run=run)
        end = episodes.filter(kind__in=ENDINGS).aggregate(seq=Max("seq"))["seq"] or run.last_seq
        oldest = episodes.aggregate(seq=Min("seq"))["seq"] or end
        gone, _ = episodes.filter(seq__lt=min(end, oldest + BATCH)).delete()
        if oldest + BATCH >= end:
            Run.objects.filter(pk=run.pk).update(episodes_pruned_at=Now())
    if gone:
        log.info("episodes_pruned", run_id=str(run.pk), count=gone)
    return True


def _lock_one(due: QuerySet[Run]) -> Run | None:
    """One of them with its row locked; those that somebody else holds are passed over."""
    return next(iter(due.select_for_update(skip_locked=True, no_key=True).only("last_seq")[:1]), None)

"""The right to a submission's next turn: a lease, proved by its token. All times are the database's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Case, F, Q, QuerySet, When
from django.db.models.functions import Now

from autonomy.errors import LeaseLost
from turnitin.models import Submission

LEASE_SECONDS = 120.0  # renewed before each call, and no call lasts so long
CLAIMING = 7_481_902  # of the advisory lock under which it is counted how many are at it


@dataclass(frozen=True)
class Claim:
    """`took_over`: whoever had it before never gave it back, and may have done more than was written down.

    `due_at` stands in the row while the lease is held; another value there is a hint that came meanwhile.
    """

    submission_id: int
    token: UUID
    due_at: datetime
    took_over: bool


def claim_next() -> Claim | None:
    """Take the submission that has been due longest, or None. What another one holds is passed over.

    None also while as many are at it as may be: a Turnitin that is slow must leave processes to the runs.
    """
    free = Q(lease_expires_at=None) | Q(lease_expires_at__lte=Now())
    with transaction.atomic():
        _one_at_a_time()
        if Submission.objects.filter(lease_expires_at__gt=Now()).count() >= most_at_once():
            return None
        due = Submission.objects.filter(free, due_at__lte=Now()).order_by("due_at")
        found = due.select_for_update(skip_locked=True, no_key=True).only("lease_token").first()
        if found is None:
            return None
        # Not due again before the lease is over: who claims next need not look at it.
        until, token = Now() + timedelta(seconds=LEASE_SECONDS), uuid4()
        Submission.objects.filter(pk=found.pk).update(lease_token=token, lease_expires_at=until, due_at=until)
        due_at = Submission.objects.values_list("due_at", flat=True).get(pk=found.pk)
        assert due_at
    return Claim(found.pk, token, due_at, took_over=found.lease_token is not None)


def most_at_once() -> int:
    """Turns at the same time, of all workers together: half the processes of one of them, so that runs go on."""
    return max(1, int(settings.ENV.autonomy_worker_concurrency) // 2)


def _one_at_a_time() -> None:
    """Until the end of the transaction: two who counted at once would both go."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CLAIMING])


def renew(claim: Claim) -> None:
    """Push the lease's end out from now. Raises LeaseLost: then nothing more may be done in its name."""
    write(claim, lease_expires_at=Now() + timedelta(seconds=LEASE_SECONDS))


def write(claim: Claim, **fields: Any) -> None:
    """Change the row while the lease is ours. Raises LeaseLost, also if the run was deleted."""
    if not _ours(claim).update(**fields):
        raise LeaseLost(submission_id=claim.submission_id)


def release(claim: Claim, wait: float | None, **fields: Any) -> None:
    """Give it back: due again in so many seconds or, with None, only when a hint comes. Raises LeaseLost.

    A hint that came since the claim stands: the figure it tells of may be newer than what was looked at.
    """
    due_at = None if wait is None else Now() + timedelta(seconds=wait)
    kept = Case(When(due_at=claim.due_at, then=due_at), default=F("due_at"))
    write(claim, due_at=kept, lease_token=None, lease_expires_at=None, **fields)


def _ours(claim: Claim) -> QuerySet[Submission]:
    return Submission.objects.filter(pk=claim.submission_id, lease_token=claim.token)

"""A worker's time-limited right to a job: renewed while it works, proved by its token, given up at the end."""

from __future__ import annotations

import threading
from types import TracebackType

import structlog
from django.conf import settings
from django.db import connection, connections
from django.db.utils import Error as DatabaseError

from autonomy.errors import LeaseLost, RunCancelled
from autonomy.models import Job, statements
from autonomy.runtime import draining
from autonomy.runtime.commit import given_back
from autonomy.runtime.queue import Claim

log = structlog.get_logger(__name__)


class Heartbeat:
    """Renews the lease from a thread of its own, so that a long node keeps it.

    Losing the lease is not an error here: the commit's own check refuses what a late worker wants to write.
    """

    def __init__(self, claim: Claim) -> None:
        self._claim = claim
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat-{claim.job_id}", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        try:
            while not self._over.wait(settings.ENV.autonomy_heartbeat_seconds):
                try:
                    stopping = draining.seconds()
                    if stopping is not None and stopping > settings.ENV.autonomy_drain_seconds:
                        given_back(self._claim)
                        return
                    if not renew(self._claim):
                        return  # it is done, or somebody else's; the commit knows which
                except LeaseLost:
                    return
                except DatabaseError as error:
                    # Postgres may be restarting; the lease has room for a missed beat or two.
                    log.warning("heartbeat_missed", job_id=self._claim.job_id, error=type(error).__name__)
                    connection.close()
        finally:
            connections.close_all()


def renew(claim: Claim) -> bool:
    """Push the lease's end out from now; False if the lease is no longer ours."""
    lease = settings.ENV.autonomy_lease_seconds
    renewed = statements.execute(statements.RENEW, {"lease": lease, "job": claim.job_id, "token": claim.token})
    return bool(renewed)


def require(claim: Claim) -> None:
    """Whether it is worth going on inside a node. Raises LeaseLost or RunCancelled."""
    ours = Job.objects.filter(pk=claim.job_id, state=Job.State.RUNNING, lease_token=claim.token)
    cancelled = ours.values_list("run__cancel_requested_at", flat=True)[:1]
    if not cancelled:
        raise LeaseLost(job_id=claim.job_id)
    if cancelled[0]:
        raise RunCancelled(run_id=str(claim.run_id))

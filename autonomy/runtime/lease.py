"""A worker's time-limited right to a job: renewed while it works, proved by its token, given up at the end."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connections
from django.db.utils import Error as DatabaseError

from autonomy.errors import LeaseLost, RunCancelled
from autonomy.models import Job, statements
from autonomy.runtime import draining
from autonomy.runtime.commit import given_back
from autonomy.runtime.queue import Claim

log = structlog.get_logger(__name__)


class Heartbeat:
    """Renews the leases this process holds from one thread of its own, so that a long node keeps its lease.

    Losing a lease is not an error here: the commit's own check refuses what a late worker wants to write.
    """

    def __init__(self) -> None:
        self._held: dict[UUID, Claim] = {}
        self._lock = threading.Lock()
        self._process = 0

    def hold(self, claim: Claim) -> None:
        with self._lock:
            self._held[claim.token] = claim
            # A worker's processes are forked, and threads are not.
            if self._process != os.getpid():
                self._process = os.getpid()
                threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()

    def release(self, claim: Claim) -> None:
        with self._lock:
            self._held.pop(claim.token, None)

    def _beat(self) -> None:
        while True:
            time.sleep(settings.ENV.autonomy_heartbeat_seconds)
            with self._lock:
                held = [*self._held.values()]
            for claim in held:
                told = {"run_id": str(claim.run_id), "job_id": claim.job_id, "attempt": claim.attempt}
                with structlog.contextvars.bound_contextvars(**told):
                    self._beat_for(claim)

    def _beat_for(self, claim: Claim) -> None:
        try:
            _renew_or_give_back(claim)
        except LeaseLost:
            self.release(claim)
        except DatabaseError as error:
            # Postgres may be restarting; the lease has room for a missed beat or two.
            log.warning("heartbeat_missed", error=type(error).__name__)
        finally:
            connections.close_all()


_heartbeat = Heartbeat()


@contextlib.contextmanager
def renewed(claim: Claim) -> Iterator[None]:
    """The lease is kept up while this lasts."""
    _heartbeat.hold(claim)
    try:
        yield
    finally:
        _heartbeat.release(claim)


def _renew_or_give_back(claim: Claim) -> None:
    """Raises LeaseLost when the job is done, or somebody else's, or given back."""
    stopping = draining.seconds()
    if stopping is not None and stopping > settings.ENV.autonomy_drain_seconds:
        given_back(claim)
        raise LeaseLost(job_id=claim.job_id)
    if not renew(claim):
        raise LeaseLost(job_id=claim.job_id)


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

"""A worker's time-limited right to a job: renewed while it works, proved by its token, given up at the end."""

from __future__ import annotations

import threading
from types import TracebackType

import structlog
from django.conf import settings
from django.db import connection, connections
from django.db.utils import Error as DatabaseError

from autonomy.runtime.queue import Claim

log = structlog.get_logger(__name__)

_RENEW = """
UPDATE autonomy_job_queue SET lease_expires_at = now() + make_interval(secs => %s)
WHERE id = %s AND state = 'running' AND lease_token = %s
"""


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
                    if not renew(self._claim):
                        return  # it is done, or somebody else's; the commit knows which
                except DatabaseError as error:
                    # Postgres may be restarting; the lease has room for a missed beat or two.
                    log.warning("heartbeat_missed", job_id=self._claim.job_id, error=type(error).__name__)
                    connection.close()
        finally:
            connections.close_all()


def renew(claim: Claim) -> bool:
    """Push the lease's end out from now; False if the lease is no longer ours."""
    with connection.cursor() as cursor:
        cursor.execute(_RENEW, [settings.ENV.autonomy_lease_seconds, claim.job_id, claim.token])
        return bool(cursor.rowcount)

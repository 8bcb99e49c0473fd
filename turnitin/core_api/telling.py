"""Episodes of what goes on at Turnitin, outside of any superstep."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from autonomy.episodes.kinds import Kind
from autonomy.episodes.record import NewEpisode, append, lock
from autonomy.models import Run
from turnitin.core_api import claim as claims
from turnitin.core_api.claim import Claim


def tell(run: Run, kind: str, message: str, data: dict[str, Any]) -> None:
    """Add an episode to a run whose row is locked. Of a run that has ended only a new figure is worth telling."""
    if run.ended and kind != Kind.SIMILARITY_UPDATED:
        return
    append(run, [NewEpisode(kind, message, data)])
    run.save(update_fields=["last_seq", "updated_at"])


class Telling:
    """autonomy's Episodes port for calls that a turn makes: at once, and only while its lease stands."""

    def __init__(self, run_id: Any, claim: Claim, *, quiet: bool) -> None:
        """`quiet`: what stood in the way was told before; it is not told again with every turn."""
        self._run_id = run_id
        self._claim = claim
        self.quiet = quiet

    def now(self, kind: str, message: str, **data: Any) -> None:
        """Raises LeaseLost, and Run.DoesNotExist for a run that was deleted."""
        if self.quiet:
            return
        with transaction.atomic():
            run = lock(self._run_id)
            claims.renew(self._claim)
            tell(run, kind, message, data)

    note = now


class Silence:
    """For calls that a person makes, who sees for themselves what came of it."""

    def now(self, kind: str, message: str, **data: Any) -> None: ...

    note = now

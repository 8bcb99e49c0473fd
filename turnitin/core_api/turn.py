"""One turn of one submission: what its steps work with, and how it ends."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import structlog
from django.db import transaction
from django.db.models.functions import Now

from autonomy.episodes.kinds import Kind
from autonomy.episodes.record import lock
from autonomy.models import Run
from turnitin.core_api import claim as claims
from turnitin.core_api import overdue, patience
from turnitin.core_api.asked import known_as
from turnitin.core_api.claim import Claim
from turnitin.core_api.client import CoreApi
from turnitin.core_api.line import LONGEST_CALL, Line
from turnitin.core_api.telling import Telling, tell
from turnitin.core_api.trouble import AGAIN, BY_HAND, GAVE_UP, Trouble
from turnitin.models import Cycle, Submission

T = TypeVar("T")
State = Submission.State

log = structlog.get_logger(__name__)


class Turn:
    """What the steps work with: the row as it is now, the client, and the ways to ask, to write and to tell."""

    def __init__(self, claim: Claim) -> None:
        """Raises Submission.DoesNotExist for one whose run was deleted."""
        self.claim = claim
        self.api = CoreApi.configured()
        self.submission = Submission.objects.select_related("cycle__run__user", "cycle__report").get(
            pk=claim.submission_id
        )
        self.had_trouble = self.submission.trouble
        self.has_asked = False  # for the comparison, which Turnitin may not know of at once
        self.has_delivered = False
        self.remark = ""  # what is worth knowing of a turn that went well
        # What a call before this turn has done at Turnitin may not have come to be written down.
        self.unsure = claim.took_over or self.submission.failures > 0
        self.telling = Telling(self.run.pk, claim, quiet=self.submission.failures > 0 or not self.is_awaited)
        # No process waits longer for one answer: the next turn asks again, and meanwhile others use the process.
        self._line = Line(
            self.run.pk, episodes=self.telling, proceed=partial(claims.renew, claim), seconds=LONGEST_CALL
        )

    @property
    def cycle(self) -> Cycle:
        return self.submission.cycle

    @property
    def run(self) -> Run:
        return self.cycle.run

    @property
    def owner(self) -> str:
        """What Turnitin knows the run's user as."""
        return known_as(self.run.user_id)

    @property
    def is_awaited(self) -> bool:
        """Whether a figure would be taken in. A run that has failed finds one that is paid for when it is retried."""
        cycle = self.cycle
        waits = cycle.state == Cycle.State.AWAITING_REPORT and cycle.withdrawn_at is None
        return waits and (not self.run.ended or self.submission.uploaded_at is not None)

    def refresh(self) -> None:
        """Look at what others may have done meanwhile. Raises ObjectDoesNotExist if the run was deleted."""
        self.cycle.refresh_from_db(fields=["state", "withdrawn_at", "observed_similarity"])
        self.run.refresh_from_db(fields=["status"])

    def ask(self, attempt: Callable[[float], T]) -> T:
        """A call to Turnitin; see Line.ask."""
        return self._line.ask(attempt)

    def move(self, **fields: Any) -> None:
        """A step is done: write what is known by it, before anything else."""
        claims.write(self.claim, failures=0, trouble="", **fields)
        self.submission.refresh_from_db(fields=[*fields, "failures", "trouble"])
        self.unsure = False

    def take_up(self, state: str) -> None:
        """Go on with one that was given up. What stood in its way is not told again, if it still does."""
        claims.write(self.claim, state=state)
        self.submission.state = state

    def settle(self, wait: float | None) -> None:
        """The turn is over and nothing stands in the way."""
        if wait is not None and self._is_too_old():
            self.fail(GAVE_UP)
            return
        with transaction.atomic():
            run = lock(self.run.pk)
            told = self._told_overdue(run, wait)
            claims.release(self.claim, wait, failures=0, trouble=self.remark, **told)

    def meet(self, trouble: Trouble) -> None:
        """Something stands in the way: it is tried again later, and told when it was not the same before."""
        if self._is_too_old():
            self.fail(GAVE_UP)
            return
        failures = self.submission.failures + 1
        text = self.had_trouble if trouble.resting and self.had_trouble else trouble.text
        wait: float | None = max(
            patience.back_off(failures) if trouble.wait is None else trouble.wait, trouble.at_least
        )
        if not self.is_awaited and failures >= patience.LATE_FAILURES:
            wait = None
        log.warning("turnitin_trouble", trouble=text, failures=failures)
        with transaction.atomic():
            run = lock(self.run.pk)
            if text != self.had_trouble and self.is_awaited:
                data = {"cycle_id": str(self.cycle.pk), "failures": failures}
                tell(run, Kind.TURNITIN_TROUBLE, f"{text} {AGAIN}" if trouble.wait is None else text, data)
            told = self._told_overdue(run, wait)
            claims.release(self.claim, wait, failures=failures, trouble=text, **told)

    def fail(self, text: str) -> None:
        """Turnitin gives no report. The run waits on: a person can deliver one."""
        if not self.is_awaited:
            # Nobody waits for anything: what was known stays known.
            claims.release(self.claim, None, trouble=text)
            return
        with transaction.atomic():
            run = lock(self.run.pk)
            if text != self.had_trouble:
                tell(run, Kind.TURNITIN_FAILED, f"{text} {BY_HAND}", {"cycle_id": str(self.cycle.pk)})
            claims.release(self.claim, None, state=State.FAILED, trouble=text)
        overdue.log_failed(self.submission, text)

    def _is_too_old(self) -> bool:
        return self.is_awaited and patience.seconds_since(self.submission.opened_at) > patience.GIVEN_UP

    def _told_overdue(self, run: Run, wait: float | None) -> dict[str, Any]:
        """Tell the operator, once, of a report that should be there by now."""
        late = wait is not None and self.is_awaited and overdue.is_overdue(self.submission)
        if not late:
            return {}
        overdue.tell_overdue(run, self.submission)
        return {"overdue_at": Now()}

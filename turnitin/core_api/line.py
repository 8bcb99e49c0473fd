"""The line to Turnitin on behalf of a run: one retry owner, one ledger, one breaker for all its calls."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from autonomy.errors import ProviderRefused
from autonomy.models import ProviderCall
from autonomy.ports import Episodes
from autonomy.providers.attempt import FREE, AttemptFailed
from autonomy.providers.caller import Caller
from autonomy.providers.operation import Operation, Passed
from turnitin.core_api import trouble
from turnitin.core_api.claim import LEASE_SECONDS
from turnitin.core_api.client import LicenceNotAccepted

T = TypeVar("T")

PROVIDER = "turnitin"
LONGEST_CALL = LEASE_SECONDS * 0.75  # a call that outlives its lease would be made a second time meanwhile


class Line:
    """`proceed` is asked before each attempt, and raises when nothing more may be done."""

    def __init__(
        self, run_id: UUID, *, episodes: Episodes, proceed: Callable[[], None], seconds: float = math.inf
    ) -> None:
        """`seconds`: what one call may take with all its attempts; usually AUTONOMY_PROVIDER_DEADLINE alone says so."""
        self._caller = Caller(
            run_id=run_id, node="turnitin", episodes=episodes, proceed=proceed, seconds=lambda: (seconds, 0)
        )

    def ask(self, attempt: Callable[[float], T]) -> T:
        """What the call answers; `attempt` is given the seconds it has.

        Raises Trouble, Hopeless, LicenceNotAccepted, and whatever `proceed` raises.
        """
        operation = Operation(self._caller, ProviderCall.Kind.SIMILARITY)
        try:
            return operation.put_to(
                PROVIDER, lambda timeout: (attempt(min(timeout, LONGEST_CALL)), FREE, ""), at_most=FREE
            )
        except Passed as passed:
            raise trouble.of_passed(passed) from passed
        except ProviderRefused as refused:
            if isinstance(refused.__cause__, LicenceNotAccepted):
                raise refused.__cause__ from None
            raise trouble.of_refused(str(refused.details["reason"])) from refused
        except AttemptFailed as error:
            raise trouble.of_malformed(error) from error

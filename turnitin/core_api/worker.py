"""What a worker does for the documents at Turnitin: claim the next that is due, and take its turn."""

from __future__ import annotations

import time

import structlog
from django.core.exceptions import ObjectDoesNotExist
from django.db import InterfaceError, OperationalError

from autonomy.errors import LeaseLost
from autonomy.runtime import draining
from turnitin.core_api.claim import Claim, claim_next
from turnitin.core_api.steps import next_wait
from turnitin.core_api.trouble import OUR_OWN, Hopeless, Trouble
from turnitin.core_api.turn import Turn
from turnitin.models import Submission

log = structlog.get_logger(__name__)


def work(seconds: float) -> None:
    """Take turns until none is due, or so many seconds are over, or the worker is told to stop."""
    until = time.monotonic() + seconds
    while draining.seconds() is None and time.monotonic() < until and (claim := claim_next()):
        take(claim)


def take(claim: Claim) -> None:
    """Take one turn and give it back. Whatever goes wrong is written into the submission's row.

    Nothing is written, and nothing more sent, once the lease is lost or the run deleted.
    """
    try:
        turn = Turn(claim)
    except Submission.DoesNotExist:
        return
    with structlog.contextvars.bound_contextvars(run_id=str(turn.run.pk), cycle_id=str(turn.cycle.pk)):
        try:
            _take(turn)
        except (LeaseLost, ObjectDoesNotExist) as gone:
            log.info("turnitin_turn_lost", error=type(gone).__name__)


def _take(turn: Turn) -> None:
    try:
        turn.settle(next_wait(turn))
    except Trouble as trouble:
        turn.meet(trouble)
    except Hopeless as hopeless:
        turn.fail(hopeless.text)
    except (LeaseLost, ObjectDoesNotExist, OperationalError, InterfaceError):
        raise  # a database that was away finds the submission due again when its lease is over
    except Exception as error:
        log.exception("turnitin_turn_failed", error=type(error).__name__)
        turn.meet(Trouble(OUR_OWN))

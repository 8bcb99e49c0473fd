"""The steps from a document to its report, each from what the row says to what it says next.

What is done at Turnitin is written down before the next call is made. Whatever happened unseen, a call that
costs money goes to one id only, which is stored before a byte is uploaded.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from django.conf import settings
from django.utils import timezone

from autonomy.episodes.kinds import Kind
from autonomy.providers.attempt import AttemptFailed
from turnitin.core_api import licences, patience, trouble
from turnitin.core_api.client import Acceptance, LicenceNotAccepted, NewSubmission, ScanSettings
from turnitin.core_api.figure import deliver, look_again
from turnitin.core_api.report_pdf import fetch_pdf
from turnitin.core_api.trouble import Hopeless
from turnitin.core_api.turn import Turn
from turnitin.models import Licence, Submission

State = Submission.State
Step = Callable[[Turn], float | None]

EMPTY_REGISTRATION = (
    "It is not known whether Turnitin has registered the document: an empty registration may be left there, beside the "
    "one that is used. It is never compared and costs nothing."
)


def next_wait(turn: Turn) -> float | None:
    """Do what can be done now. Seconds until the next look, or None if only a hint can bring something new.

    Raises Trouble, Hopeless, LeaseLost, Run.DoesNotExist.
    """
    submission = turn.submission
    if turn.is_awaited and submission.state not in Submission.UNDER_WAY:
        # Given up, and worth another look: it goes on from what is known to be done.
        turn.take_up(_resumed(submission))
    while turn.is_awaited and submission.state in STEPS:
        wait = STEPS[State(submission.state)](turn)
        if wait is not None:
            return wait
        turn.refresh()
    if submission.state in STEPS:
        # Somebody has delivered by hand, or the run is over: nothing more is sent.
        turn.move(state=State.DROPPED)
        return None
    if submission.uploaded_at is not None and not turn.has_delivered:
        look_again(turn)
    return fetch_pdf(turn) if submission.state == State.COMPLETE else None


def _resumed(submission: Submission) -> str:
    if not submission.turnitin_id:
        return State.TO_CREATE
    return State.TO_UPLOAD if submission.uploaded_at is None else State.PROCESSING


def create(turn: Turn) -> None:
    if turn.claim.took_over:
        turn.telling.now(Kind.TURNITIN_TROUBLE, EMPTY_REGISTRATION, cycle_id=str(turn.cycle.pk))
    try:
        turnitin_id = _register(turn, licences.acceptance_for(turn.owner))
    except LicenceNotAccepted:
        turnitin_id = _register_with_licence(turn)
    turn.move(state=State.TO_UPLOAD, turnitin_id=turnitin_id)


def _register(turn: Turn, acceptance: Acceptance | None) -> str:
    new = NewSubmission(
        owner=turn.owner,
        title=turn.run.title,
        cycle_id=turn.cycle.pk,
        run_id=turn.run.pk,
        acceptance=acceptance,
        submitted_at=turn.cycle.opened_at,
    )

    def attempt(timeout: float) -> str:
        try:
            return turn.api.create(new, timeout=timeout)
        except AttemptFailed as failed:
            if failed.usage is None:  # it was sent, and nobody knows what became of it
                turn.telling.now(Kind.TURNITIN_TROUBLE, EMPTY_REGISTRATION, cycle_id=str(turn.cycle.pk))
            raise

    return turn.ask(attempt)


def _register_with_licence(turn: Turn) -> str:
    """Accept the newest licence for this owner, if the operator has accepted that very version; and register again."""
    newest = turn.ask(lambda timeout: turn.api.newest_licence(timeout=timeout))
    licence = Licence.objects.filter(version=newest.version).first()
    if licence is None:
        raise trouble.of_licence(newest.version)
    acceptance = Acceptance(licence.version, turn.owner, licence.language, licence.accepted_at)
    turn.ask(lambda timeout: turn.api.accept_licence(acceptance, timeout=timeout))
    try:
        return _register(turn, acceptance)
    except LicenceNotAccepted:
        raise trouble.of_licence(newest.version) from None


def upload(turn: Turn) -> None:
    run, cycle, turnitin_id = turn.run, turn.cycle, turn.submission.turnitin_id
    try:
        with cycle.docx.open("rb") as stored:
            content = stored.read()
    except (OSError, ValueError):
        raise Hopeless(trouble.NO_DOCUMENT) from None
    filename = f"{run.journey}-{str(run.pk)[:8]}-{cycle.number}.docx"

    def attempt(timeout: float) -> None:
        until = time.monotonic() + timeout
        if turn.unsure and turn.api.submission(turnitin_id, timeout=timeout).status != "CREATED":
            return  # it has come, and only its answer has not
        turn.unsure = True
        turn.api.upload(turnitin_id, filename, content, timeout=max(until - time.monotonic(), 0.1))

    turn.ask(attempt)
    turn.move(state=State.PROCESSING, uploaded_at=timezone.now())


def process(turn: Turn) -> float | None:
    """Turnitin reads the document; when it has, a report is asked for."""
    uploaded_at = turn.submission.uploaded_at
    assert uploaded_at
    status = _status(turn)
    if status == "CREATED" and patience.is_lost(uploaded_at):
        turn.move(state=State.TO_UPLOAD)
        turn.unsure = True
        return None
    if status != "COMPLETE":
        return patience.look_again(uploaded_at)
    _ask_for_report(turn)
    turn.move(state=State.SCANNING)
    return None


def _ask_for_report(turn: Turn) -> None:
    turnitin_id = turn.submission.turnitin_id
    scan = ScanSettings(_repositories(turn), settings.ENV.turnitin_exclude)

    def attempt(timeout: float) -> None:
        until = time.monotonic() + timeout
        if turn.unsure and turn.api.similarity(turnitin_id, timeout=timeout).asked:
            return  # to ask anew could be to pay anew
        turn.unsure = True
        turn.api.ask_for_similarity(turnitin_id, scan, timeout=max(until - time.monotonic(), 0.1))

    turn.ask(attempt)
    turn.has_asked = True


def _repositories(turn: Turn) -> list[str]:
    """Those of the settings that the tenant has: one that it lacks could have the request refused."""
    has = turn.ask(lambda timeout: turn.api.features(timeout=timeout)).repositories
    if used := [one for one in settings.ENV.turnitin_repositories if one in has]:
        return used
    raise trouble.of_repositories(has)


def scan(turn: Turn) -> float | None:
    """Turnitin compares the document; when it has, the report is delivered."""
    turnitin_id, uploaded_at = turn.submission.turnitin_id, turn.submission.uploaded_at
    assert uploaded_at
    similarity = turn.ask(lambda timeout: turn.api.similarity(turnitin_id, timeout=timeout))
    if similarity.fraction is None:
        status = _status(turn)  # one that is deleted has no report for ever
        if not (similarity.asked or turn.has_asked) and status == "COMPLETE" and patience.is_lost(uploaded_at):
            turn.unsure = True
            _ask_for_report(turn)
        return patience.look_again(uploaded_at)
    deliver(turn, similarity.fraction, similarity.top_matches)
    return None


def _status(turn: Turn) -> str:
    """CREATED, PROCESSING or COMPLETE. Raises Hopeless for the others."""
    turnitin_id = turn.submission.turnitin_id
    told = turn.ask(lambda timeout: turn.api.submission(turnitin_id, timeout=timeout))
    if told.status == "ERROR":
        raise trouble.of_error_code(told.error_code)
    if told.status == "DELETED":
        raise Hopeless(trouble.DELETED)
    return str(told.status)


STEPS: dict[State, Step] = {
    State.TO_CREATE: create,
    State.TO_UPLOAD: upload,
    State.PROCESSING: process,
    State.SCANNING: scan,
}

"""The figure at Turnitin: delivered when it is there, recorded when it changes later."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from autonomy.episodes.kinds import Kind
from autonomy.episodes.record import lock
from autonomy.errors import Conflict
from autonomy.text.percent import percent
from turnitin.core_api.telling import tell
from turnitin.core_api.turn import Turn
from turnitin.deliver_report import deliver_report
from turnitin.models import Report, Submission

State = Submission.State


def deliver(turn: Turn, similarity: float, top_matches: list[dict[str, Any]]) -> None:
    """Put the figure into the inbox, and write down that it is there: both or neither."""
    with transaction.atomic():
        lock(turn.run.pk)
        state = State.COMPLETE if _put_in(turn, similarity, top_matches) else State.DROPPED
        turn.move(state=state, similarity=similarity, completed_at=timezone.now())
    turn.has_delivered = turn.telling.quiet = True


def look_again(turn: Turn) -> None:
    """Somebody may have saved other filters in the viewer since. What changes is recorded and told, not acted on.

    A report that its run has not consumed yet is corrected by the inbox, as with any other delivery.
    """
    submission = turn.submission
    found = turn.ask(lambda timeout: turn.api.similarity(submission.turnitin_id, timeout=timeout))
    before, now = submission.similarity, found.fraction
    if now is None or now == before:
        return
    with transaction.atomic():
        lock(turn.run.pk)
        turn.refresh()
        counted_before = turn.cycle.observed_similarity
        _put_in(turn, now, found.top_matches)
        turn.refresh()
        counted = turn.cycle.observed_similarity
        is_correction = counted == now != counted_before
        if not is_correction and (now != counted or before is not None):
            tell(lock(turn.run.pk), Kind.SIMILARITY_UPDATED, _in_words(turn, now, counted), _told(turn, now, counted))
        turn.move(similarity=now)


def _put_in(turn: Turn, similarity: float, top_matches: list[dict[str, Any]]) -> bool:
    """False if it comes too late for the cycle; it is kept all the same."""
    try:
        deliver_report(
            run_id=turn.run.pk,
            cycle_id=turn.cycle.pk,
            report_url=address(turn.submission),
            observed_similarity=similarity,
            top_matches=top_matches,
            via=Report.Via.CORE_API,
            actor=None,
        )
    except Conflict:
        return False
    return True


def address(submission: Submission) -> str:
    """Where the report stays. It takes the key; a person is given a short-lived link to the viewer instead.

    Later figures are numbered: the inbox takes the same figure at the same address for the same delivery.
    """
    base = urlsplit(settings.ENV.turnitin_base_url or "")
    report = f"https://{base.netloc}{base.path.rstrip('/')}/submissions/{submission.turnitin_id}/similarity"
    number = Report.objects.filter(cycle_id=submission.cycle_id, report_url__startswith=report).count() + 1
    return report if number == 1 else f"{report}#{number}"


def _in_words(turn: Turn, now: float, counted: float | None) -> str:
    if counted is None:
        return f"Turnitin tells a similarity of {percent(now)} for hand-off {turn.cycle.number}, which was withdrawn."
    return (
        f"Turnitin tells a similarity of {percent(now)} for hand-off {turn.cycle.number} by now; {percent(counted)} "
        "was what counted. It is recorded, and nothing is done about it."
    )


def _told(turn: Turn, now: float, counted: float | None) -> dict[str, Any]:
    return {
        "cycle_id": str(turn.cycle.pk),
        "number": turn.cycle.number,
        "similarity": now,
        "similarity_before": turn.submission.similarity,
        "observed_similarity": counted,
    }

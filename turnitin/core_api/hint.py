"""A hint that Turnitin has something new: it only makes a submission due. What is new, its next turn asks for."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from autonomy.episodes.kinds import Kind
from autonomy.episodes.record import NewEpisode, append, lock
from turnitin.models import Submission

State = Submission.State

# In which states an event can tell of something new. One that was given up may still get its report.
LISTENS: dict[str, Q] = {
    "SUBMISSION_COMPLETE": Q(state=State.PROCESSING),
    "SIMILARITY_COMPLETE": Q(state__in=[State.PROCESSING, State.SCANNING, State.FAILED, State.DROPPED]),
    "SIMILARITY_UPDATED": Q(state__in=[State.SCANNING, State.COMPLETE, State.FAILED, State.DROPPED]),
    "PDF_STATUS": Q(state=State.COMPLETE, pdf="") & ~Q(pdf_id=""),
}
EVENTS = (*LISTENS, "GROUP_ATTACHMENT_COMPLETE")


def take(event: str, turnitin_id: str, cycle_id: UUID | None) -> str:
    """Make the submission due that an event of LISTENS names: `hinted`, `unchanged` or `unknown`.

    It is found by its id; by its cycle only while no id is known, for an event may overtake the answer to our own
    call. One UPDATE, however often the event comes: what is due already is not written again.
    """
    named = Q(turnitin_id=turnitin_id) & LISTENS[event]
    known = Q(turnitin_id=turnitin_id)
    if cycle_id is not None:
        registering = Q(cycle_id=cycle_id, turnitin_id="", state=State.TO_CREATE)
        named, known = named | registering, known | registering
    if Submission.objects.filter(named).filter(_not_due()).update(due_at=Now()):
        return "hinted"
    return "unchanged" if Submission.objects.filter(known).exists() else "unknown"


def ask_now(submission: Submission, actor: User) -> bool:
    """Make a submission due because a person wants to know, which is told. False: it was due already."""
    with transaction.atomic():
        run = lock(submission.cycle.run_id)
        if not Submission.objects.filter(pk=submission.pk).filter(_not_due()).update(due_at=Now()):
            return False
        number, cycle_id = submission.cycle.number, str(submission.cycle_id)
        told = f"Somebody had Turnitin asked at once about hand-off {number}."
        data = {"cycle_id": cycle_id, "number": number}
        append(run, [NewEpisode(Kind.TURNITIN_ASKED, told, data, actor_id=actor.pk)])
        run.save(update_fields=["last_seq", "updated_at"])
    return True


def _not_due() -> Q:
    return Q(due_at=None) | Q(due_at__gt=Now())

"""The versions of Turnitin's end-user licence that the operator accepts for all users of this installation."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from turnitin.core_api.asked import Acceptance
from turnitin.models import Licence, Submission


def accepted() -> Licence | None:
    """The newest that was accepted; Turnitin may have a newer one."""
    return Licence.objects.order_by("-accepted_at", "-pk").first()


def acceptance_for(user_id: str) -> Acceptance | None:
    """What Turnitin is told for this owner, `user_id` being the name it knows them by. None: nothing is accepted."""
    licence = accepted()
    return Acceptance(licence.version, user_id, licence.language, licence.accepted_at) if licence else None


@transaction.atomic
def accept(version: str, language: str, accepted_by: str) -> Licence:
    """Record it, and let the submissions go on that something stood in the way of; it may have been the licence.

    What is the newest accepted one already stays as it is, with the name it was accepted by.
    """
    newest = accepted()
    if newest and newest.version == version:
        return newest
    now = timezone.now()
    licence, _ = Licence.objects.update_or_create(
        version=version, defaults={"language": language, "accepted_by": accepted_by, "accepted_at": now}
    )
    waiting = Submission.objects.filter(state=Submission.State.TO_CREATE, due_at__gt=now)
    waiting.exclude(trouble="").update(due_at=now)
    return licence

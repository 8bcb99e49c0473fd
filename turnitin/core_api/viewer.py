"""A look at the report in Turnitin's own viewer: a link for one person, for a short time, made when it is asked for."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import User

from autonomy.errors import Conflict, ProviderRefused, ProviderUnavailable
from turnitin.core_api.asked import known_as
from turnitin.core_api.client import CoreApi
from turnitin.core_api.line import Line
from turnitin.core_api.telling import Silence
from turnitin.core_api.trouble import Hopeless, Trouble
from turnitin.models import Cycle, Submission

PATIENCE = 20.0  # seconds: somebody waits in front of a browser


def viewer_url(cycle: Cycle, viewer: User) -> str:
    """Filters saved in the viewer change the figure: that is for those who may deliver reports.

    Raises Conflict where there is no report at Turnitin, ProviderUnavailable and ProviderRefused.
    """
    submission = Submission.objects.filter(cycle=cycle).first()
    if submission is None:
        raise Conflict("This document was handed in by hand; its report is where the delivery says.")
    if submission.state != Submission.State.COMPLETE:
        raise Conflict(
            f"Turnitin has no report of this document yet: it is {submission.get_state_display().lower()}.",
            state=submission.state,
        )
    if settings.ENV.turnitin_mode != "core_api":
        raise Conflict("Turnitin is not asked any more: TURNITIN_MODE is manual.")
    api, turnitin_id, user_id = CoreApi.configured(), submission.turnitin_id, known_as(viewer.pk)
    may_save = viewer.has_perm("turnitin.deliver_report")
    line = Line(cycle.run_id, episodes=Silence(), proceed=lambda: None, seconds=PATIENCE)
    try:
        return line.ask(
            lambda timeout: api.viewer_url(turnitin_id, user_id=user_id, may_save=may_save, timeout=timeout)
        )
    except Trouble as trouble:
        raise ProviderUnavailable(trouble.text, provider="turnitin") from trouble
    except Hopeless as hopeless:
        raise ProviderRefused(hopeless.text, provider="turnitin") from hopeless

"""What happens next with a hand-off, in a sentence an operator can act on."""

from __future__ import annotations

from django.conf import settings

from autonomy.console import figures
from turnitin.models import Cycle, Submission

State = Submission.State


def outlook(cycle: Cycle, submission: Submission | None) -> str:
    if cycle.withdrawn_at:
        return "The run was cancelled: no report is waited for, and none can be delivered."
    observed, target = figures.similarity(cycle.observed_similarity), figures.similarity(cycle.target_similarity)
    match cycle.state:
        case Cycle.State.ACCEPTED:
            return f"The similarity of {observed} is within the target of {target}: accepted."
        case Cycle.State.REJECTED:
            return f"The similarity of {observed} is above the target of {target}: rejected."
        case Cycle.State.REPORT_READY if cycle.run.ended:
            return f"The report is here, with a similarity of {observed}. It is used if the run is retried."
        case Cycle.State.REPORT_READY:
            return f"The report is here, with a similarity of {observed}. The critic looks at it next."
    if cycle.run.ended:
        return "The run has ended without a report. One that comes now is used if the run is retried."
    if submission is None:
        return "The run waits until somebody delivers Turnitin's originality report for this document."
    if settings.ENV.turnitin_mode != "core_api":
        return "Turnitin is not asked any more (TURNITIN_MODE is manual): the report has to be delivered by hand."
    if submission.state == State.FAILED:
        return "Turnitin gives no report of this document. Deliver one by hand, or cancel the run."
    if submission.trouble:
        return "The report cannot be fetched from Turnitin at the moment. That is tried again by itself."
    return "Autonomy fetches the report from Turnitin, and the run goes on with it. There is nothing to do."


def needs_person(submission: Submission | None) -> bool:
    """Whether a report that is awaited comes from a person, or not at all."""
    if submission is None or settings.ENV.turnitin_mode != "core_api":
        return True
    return submission.state not in Submission.UNDER_WAY

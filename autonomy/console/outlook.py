"""What happens next with a run, in a sentence an operator can act on."""

from __future__ import annotations

from django.utils import timezone
from django.utils.formats import localize
from django.utils.timesince import timeuntil

from autonomy.console.figures import duration
from autonomy.console.nodes import PHRASES
from autonomy.models import Job, Run

_ENDED = {
    Run.Outcome.ACCEPTED: "The similarity is within the target: the document is accepted and the run has ended.",
    Run.Outcome.BUDGET_EXCEEDED: (
        "The run has ended at one of its limits. The draft so far is kept. Once its limits are raised, it goes on "
        "from there."
    ),
    Run.Outcome.REVISIONS_EXHAUSTED: (
        "No revision is left, so the run has ended. The last draft is kept. A fork can go on from any checkpoint."
    ),
    Run.Outcome.FAILED: (
        "The run has failed. Nothing more happens by itself. Retried, it goes on from its last checkpoint; a fork can "
        "go on from an earlier one."
    ),
    Run.Outcome.CANCELLED: (
        "The run was cancelled. What was written before is kept. A fork can go on from any checkpoint."
    ),
}


def outlook(run: Run) -> str:
    if run.outcome:
        return _ENDED[Run.Outcome(run.outcome)]
    if run.cancel_requested_at:
        return "Cancelling was asked for. The run ends at the next boundary between two steps."
    if run.status == Run.Status.WAITING_HUMAN:
        return "The document is ready for Turnitin. The run waits, at no cost, for its originality report."
    node = PHRASES.get(run.route, run.route)
    if run.status == Run.Status.RUNNING or Job.objects.filter(run=run, state=Job.State.RUNNING).exists():
        return f"A worker is on it: {node} is next. There is nothing to do."
    job = Job.objects.filter(run=run, state=Job.State.QUEUED).order_by("scheduled_at", "pk").first()
    if job is None:
        return f"The run is queued for {node}, but no job waits for it. Recovery looks after it."
    wait = (job.scheduled_at - timezone.now()).total_seconds()
    if wait > 1 and not job.attempt:
        return (
            f"The run is scheduled for {localize(job.scheduled_at)} UTC, in {timeuntil(job.scheduled_at, depth=2)}: it "
            f"starts with {node} then. It can be scheduled anew, also for now."
        )
    if wait > 1:
        return f"The last attempt did not succeed. In {duration(wait)} the next one starts with {node}."
    return f"The run waits for a free worker, which starts with {node}."

"""What people may do to a run from the console: the services, with the words that the pages need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.formats import localize

from autonomy.console.fork_form import ForkForm
from autonomy.console.verb_form import LimitsForm, PriorityForm, ReasonForm, ScheduleForm, VerbForm
from autonomy.models import Run
from autonomy.selectors.permission import Act, may
from autonomy.selectors.runs import scheduled_at
from autonomy.services import cancel_run, fork_run, prioritise_run, raise_budget, retry_run, schedule_run


@dataclass(frozen=True)
class Verb:
    """`service` gives the run to look at afterwards, `why_not` a sentence, empty if the run's state allows it; with
    `goes_on` an ended run goes on.
    """

    name: str
    title: str
    button: str
    sentence: str
    act: Act
    service: Callable[..., Run]
    why_not: Callable[[Run], str]
    told: Callable[[Run], str]
    logged: str
    form: type[VerbForm] = VerbForm
    danger: bool = False
    goes_on: bool = False

    @property
    def address(self) -> str:
        """The name of its page among the addresses."""
        return f"admin:autonomy_run_{self.name}"


def offered(user: Any, run: Run) -> list[Verb]:
    """What this person may do to the run as it stands."""
    return [verb for verb in VERBS if may(user, run, verb.act) and not verb.why_not(run)]


def _why_not_cancel(run: Run) -> str:
    if run.cancel_requested_at and not run.ended:
        return "Cancelling was asked for already. The run ends at the next boundary between two steps."
    return cancel_run.why_not(run)


def _cancelled(run: Run) -> str:
    if run.status == Run.Status.CANCELLED:
        return "The run is cancelled."
    return "Cancelling is asked for. The run ends at the next boundary between two steps."


def _scheduled(run: Run) -> str:
    at = scheduled_at(run)
    return (
        f"The run is scheduled for {localize(at)} UTC." if at else "The run has its turn as soon as a worker is free."
    )


def _fork(**given: Any) -> Run:
    fork, _ = fork_run.fork_run(**given)
    return fork


CANCEL = Verb(
    name="cancel",
    title="Cancel",
    button="Cancel the run",
    sentence="The run ends for good, at the latest when the step that is under way is done. The draft so far is kept; "
    "a report that comes later is refused.",
    act="cancel_run",
    service=cancel_run.cancel_run,
    why_not=_why_not_cancel,
    told=_cancelled,
    logged="Asked to cancel.",
    form=ReasonForm,
    danger=True,
)
RETRY = Verb(
    name="retry",
    title="Retry",
    button="Retry the run",
    sentence="The run goes on from its last checkpoint, with fresh attempts. What was done is not done again.",
    act="retry_run",
    service=retry_run.retry_run,
    why_not=retry_run.why_not,
    told=lambda run: "The run is tried again.",
    logged="Retried.",
    form=ReasonForm,
    goes_on=True,
)
RAISE = Verb(
    name="raise-budget",
    title="Raise limits",
    button="Raise the limits",
    sentence="Limits can only be raised. A run that ended because one was used up then goes on from its last "
    "checkpoint.",
    act="raise_budget",
    service=raise_budget.raise_budget,
    why_not=raise_budget.why_not,
    told=lambda run: "The limits are raised.",
    logged="Raised the limits.",
    form=LimitsForm,
    goes_on=True,
)
FORK = Verb(
    name="fork",
    title="Fork",
    button="Fork the run",
    sentence="A new run of the same owner begins with the state of a checkpoint. It has its own copies of the sources, "
    "the same limits and nothing spent; this run stays as it is.",
    act="fork_run",
    service=_fork,
    why_not=lambda run: "",
    told=lambda run: "This is the fork; it is queued.",
    logged="Forked.",
    form=ForkForm,
)
SCHEDULE = Verb(
    name="schedule",
    title="Schedule",
    button="Schedule the run",
    sentence="The run waits in the queue and has its turn then.",
    act="schedule_run",
    service=schedule_run.schedule_run,
    why_not=schedule_run.why_not,
    told=_scheduled,
    logged="Scheduled.",
    form=ScheduleForm,
)
PRIORITY = Verb(
    name="priority",
    title="Priority",
    button="Change the priority",
    sentence="The more urgent of the runs in the queue have their turn first.",
    act="schedule_run",
    service=prioritise_run.prioritise_run,
    why_not=prioritise_run.why_not,
    told=lambda run: f"The priority is {run.priority}.",
    logged="Changed the priority.",
    form=PriorityForm,
)
VERBS = (RETRY, RAISE, FORK, SCHEDULE, PRIORITY, CANCEL)

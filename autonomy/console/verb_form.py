"""The forms of what may be asked of a run."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextareaWidget

from autonomy.console.figures import spends
from autonomy.console.moment_field import MomentField
from autonomy.console.priority_field import PriorityField
from autonomy.console.service_form import ServiceForm
from autonomy.models import Run
from autonomy.selectors.runs import scheduled_at

NUMBER = UnfoldAdminIntegerFieldWidget({"step": "any"})


class VerbForm(ServiceForm):
    """Without fields: a question to be confirmed."""

    folded: ClassVar[tuple[str, ...]] = ()

    def __init__(self, run: Run, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.run = run

    def asked(self) -> dict[str, Any]:
        """What to give to the service, once the form is valid."""
        return dict(self.cleaned_data)


def reason_field() -> forms.CharField:
    return forms.CharField(
        required=False,
        max_length=1000,
        help_text="If you like: it stands in the run's episodes.",
        widget=UnfoldAdminTextareaWidget({"rows": 2}),
    )


class ReasonForm(VerbForm):
    reason = reason_field()


class LimitsForm(VerbForm):
    """What nobody has changed since the page was made is not asked for, whatever the limit is by now."""

    tokens = forms.IntegerField(required=False, label="Limit of tokens", show_hidden_initial=True, widget=NUMBER)
    seconds = forms.FloatField(required=False, label="Limit of seconds", show_hidden_initial=True, widget=NUMBER)
    usd = forms.FloatField(required=False, label="Limit of US dollars", show_hidden_initial=True, widget=NUMBER)
    reason = reason_field()

    def __init__(self, run: Run, *args: Any, **kwargs: Any) -> None:
        super().__init__(run, *args, **kwargs)
        for spend in spends(run):
            field = self.fields[spend.name]
            field.initial = int(spend.limit) if spend.limit == int(spend.limit) else spend.limit
            field.help_text = f"Spent so far: {spend.text} ({spend.percent} %)."

    def asked(self) -> dict[str, Any]:
        return {name: value for name, value in self.cleaned_data.items() if name in self.changed_data}


class ScheduleForm(VerbForm):
    at = MomentField(label="Not before (UTC)", help_text="Within a year. A time that has passed means now.")

    def __init__(self, run: Run, *args: Any, **kwargs: Any) -> None:
        super().__init__(run, *args, **kwargs)
        self.fields["at"].initial = scheduled_at(run)


class PriorityForm(VerbForm):
    priority = PriorityField()

    def __init__(self, run: Run, *args: Any, **kwargs: Any) -> None:
        super().__init__(run, *args, **kwargs)
        self.fields["priority"].initial = run.priority

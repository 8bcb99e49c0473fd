"""What is asked before something is done to many runs at once."""

from __future__ import annotations

import math
from decimal import ROUND_UP, Decimal
from typing import Any

from django import forms
from django.core import signing
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from autonomy.console.service_form import ServiceForm
from autonomy.console.verb_form import reason_field
from autonomy.models import Run
from autonomy.services.raise_budget import LIMITS

NUMBER = UnfoldAdminIntegerFieldWidget({"step": "any"})
_SALT = "autonomy.console.limits"


class BulkForm(ServiceForm):
    reason = reason_field()

    def __init__(self, runs: list[Run], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].help_text = "If you like: it stands in the episodes of each run."

    def asked(self, run: Run) -> dict[str, Any] | None:
        """What to give to the service for this run; None if there is nothing to ask of it."""
        return dict(self.cleaned_data)


class RaiseForm(BulkForm):
    """Factors count from the limits that the page showed, so a form that is sent twice raises them once."""

    factor = forms.FloatField(
        required=False,
        min_value=1,
        max_value=100,
        label="Multiply each limit by",
        help_text="For instance 1.5. A value below takes its place for that limit.",
        widget=NUMBER,
    )
    tokens = forms.IntegerField(required=False, min_value=1, label="Raise tokens to", widget=NUMBER)
    seconds = forms.FloatField(required=False, min_value=1, label="Raise seconds to", widget=NUMBER)
    usd = forms.FloatField(required=False, min_value=0, label="Raise US dollars to", widget=NUMBER)
    seen = forms.CharField(widget=forms.HiddenInput)
    field_order = ("factor", "tokens", "seconds", "usd", "reason", "seen")

    def __init__(self, runs: list[Run], *args: Any, **kwargs: Any) -> None:
        super().__init__(runs, *args, **kwargs)
        shown = {str(run.pk): [str(_limit(run, name)) for name in LIMITS] for run in runs}
        self.fields["seen"].initial = signing.dumps(shown, salt=_SALT, compress=True)

    def clean_seen(self) -> dict[str, dict[str, Decimal]]:
        try:
            shown = signing.loads(self.cleaned_data["seen"], salt=_SALT)
        except signing.BadSignature:
            raise forms.ValidationError("This page cannot be read any more. Choose the runs again.") from None
        return {run: dict(zip(LIMITS, map(Decimal, limits), strict=True)) for run, limits in shown.items()}

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = self.cleaned_data
        if not self.errors and (given["factor"] or 1) <= 1 and all(given[name] is None for name in LIMITS):
            raise forms.ValidationError("Give a factor above 1, or a value for at least one of the limits.")
        return given

    def asked(self, run: Run) -> dict[str, Any] | None:
        wanted = {name: self._wanted(run, name) for name in LIMITS}
        raised = {name: value for name, value in wanted.items() if value is not None and value > _limit(run, name)}
        if not raised:
            return None
        return {name: int(value) if name == "tokens" else float(value) for name, value in raised.items()} | {
            "reason": self.cleaned_data["reason"]
        }

    def _wanted(self, run: Run, name: str) -> Decimal | None:
        if (value := self.cleaned_data[name]) is not None:
            return Decimal(str(value))
        shown = self.cleaned_data["seen"].get(str(run.pk), {}).get(name)
        if shown is None or not self.cleaned_data["factor"]:
            return None
        new = shown * Decimal(str(self.cleaned_data["factor"]))
        return Decimal(math.ceil(new)) if name == "tokens" else new.quantize(Decimal("0.000001"), ROUND_UP)


def _limit(run: Run, name: str) -> Decimal:
    return Decimal(str(getattr(run, f"limit_{name}")))

"""The form that forks a run. What the patch says is checked by the service."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.utils.dateparse import parse_datetime
from django.utils.timesince import timesince
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from autonomy.console.beginning import beginning
from autonomy.console.nodes import PHRASES
from autonomy.console.verb_form import VerbForm
from autonomy.models import Run
from autonomy.selectors.checkpoints import checkpoints_of

SHOWN = 50
ROUTES = ("plan", "research", "draft", "critic")


class PatchField(forms.CharField):
    """A JSON object; what was typed stays as it was typed."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return {}
        try:
            patch = json.loads(text)
        except RecursionError:
            raise forms.ValidationError("It is nested too deeply.") from None
        except ValueError as error:
            raise forms.ValidationError(f"It is not JSON: {error}.") from None
        if not isinstance(patch, dict):
            raise forms.ValidationError("It must be a JSON object: {…}.")
        return patch

    def run_validators(self, value: Any) -> None:
        """Those of text are not for objects."""


class ForkForm(VerbForm):
    folded = ("patch",)

    checkpoint_id = forms.CharField(required=False, label="Checkpoint", max_length=64, widget=UnfoldAdminSelectWidget)
    route = forms.ChoiceField(
        required=False,
        label="Where it goes on",
        choices=[("", "As the checkpoint says"), *((node, f"With {PHRASES[node]}") for node in ROUTES)],
        help_text="To be chosen if the run ended at this checkpoint.",
        widget=UnfoldAdminSelectWidget,
    )
    note = forms.CharField(
        required=False,
        label="Note to the writer",
        max_length=5000,
        help_text="What the coming drafts shall do differently.",
        widget=UnfoldAdminTextareaWidget({"rows": 3}),
    )
    patch = PatchField(
        required=False,
        label="Patch (JSON)",
        help_text='Changes in task, plan or draft, as in the API; for example {"task": {"words": 400}}.',
        widget=UnfoldAdminTextareaWidget({"rows": 6, "spellcheck": "false"}),
    )

    def __init__(self, run: Run, *args: Any, **kwargs: Any) -> None:
        super().__init__(run, *args, **kwargs)
        chosen = self["checkpoint_id"]
        self._name_checkpoints(chosen.value())
        if begins_with := beginning(run, chosen.value()):
            chosen.help_text = f"What is chosen here: {begins_with}"

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        patch = given.get("patch") or {}
        if given.get("route") and "route" in patch:
            self.add_error("patch", "Where it goes on is chosen above: leave route out.")
        if given.get("note") and "last_verdict" in patch:
            self.add_error("patch", "The note is given above: leave last_verdict out.")
        return given

    def asked(self) -> dict[str, Any]:
        given = self.cleaned_data
        patch = dict(given["patch"])
        if given["route"]:
            patch["route"] = given["route"]
        if given["note"]:
            patch["last_verdict"] = {"note": given["note"]}
        return {"checkpoint_id": given["checkpoint_id"] or None, "patch": patch}

    def place(self, where: str) -> tuple[str | None, str]:
        if where == "checkpoint_id":
            return where, ""
        inner = where.removeprefix("patch").removeprefix(".")
        fields = {"": "patch", "route": "route", "last_verdict.note": "note"}
        return (fields[inner], "") if inner in fields else ("patch", f"{inner}: ")

    def _name_checkpoints(self, chosen: str | None) -> None:
        """The newest ones, and the one that was chosen elsewhere."""
        found = checkpoints_of(self.run, limit=SHOWN)["checkpoints"]
        named = [("", "The newest"), *((one["checkpoint_id"], _label(one)) for one in found)]
        if chosen and chosen not in dict(named):
            named.append((chosen, f"Checkpoint {chosen}"))
        self.fields["checkpoint_id"].widget.choices = named


def _label(checkpoint: dict[str, Any]) -> str:
    node = PHRASES.get(checkpoint["route"], checkpoint["route"])
    made = parse_datetime(checkpoint["created_at"])
    return f"Superstep {checkpoint['step']}: {node} is next ({timesince(made, depth=1) if made else '–'} ago)"

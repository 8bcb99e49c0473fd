"""The form that starts a run, made for one journey. The journey checks what it says; errors come back to the fields."""

from __future__ import annotations

from typing import Any, cast
from uuid import uuid4

from django import forms
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import QueryDict
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from autonomy.console.journey_fields import LEFT_OUT, bounds_in_words, own_fields
from autonomy.console.journey_schema import UNKNOWN, shapes
from autonomy.console.moment_field import MomentField
from autonomy.console.priority_field import PriorityField
from autonomy.console.service_form import ServiceForm
from autonomy.console.source_fields import FilesField, limits_of_files
from autonomy.errors import InvalidInput
from autonomy.journeys.journey import Journey, LimitsSpec
from autonomy.journeys.registry import journeys
from autonomy.providers.configured import language_models
from autonomy.services.start_run import default_limits

LIMITS = ("tokens", "seconds", "usd")
# The form's fields for those of the common task spec; `limits` has three.
FIELDS = {
    "topic": "topic",
    "title": "title",
    "sections": "headings",
    "words": "words",
    "web_search": "web_search",
    "model": "model",
    "target_similarity": "target_similarity",
    "max_revisions": "max_revisions",
}


def new_key() -> str:
    return str(uuid4())


def _number(**attrs: Any) -> UnfoldAdminIntegerFieldWidget:
    return UnfoldAdminIntegerFieldWidget({"step": "any", **attrs})


class StartForm(ServiceForm):
    journey = forms.ChoiceField(widget=forms.HiddenInput)
    topic = forms.CharField(
        help_text="What to write about, in a sentence or a few.", widget=UnfoldAdminTextareaWidget({"rows": 3})
    )
    title = forms.CharField(
        required=False, help_text="Of the document. Empty: the plan chooses.", widget=UnfoldAdminTextInputWidget
    )
    headings = forms.CharField(
        required=False,
        help_text="One a line, in order. Empty: the plan chooses.",
        widget=UnfoldAdminTextareaWidget({"rows": 4}),
    )
    words = forms.IntegerField(required=False, help_text="Length to aim for.", widget=_number(step="1"))
    model = forms.ChoiceField(required=False, label="Language model", widget=UnfoldAdminSelectWidget)
    source_files = FilesField(required=False, label="Source files")
    web_search = forms.BooleanField(required=False, label="Also look for sources", widget=UnfoldBooleanSwitchWidget)
    target_similarity = forms.FloatField(
        required=False,
        label="Target similarity (fraction, 0.15 = 15 %)",
        help_text="The document is accepted up to here.",
        widget=_number(),
    )
    max_revisions = forms.IntegerField(
        required=False, label="Revisions, at most", help_text="Hand-offs after the first.", widget=_number(step="1")
    )
    limit_tokens = forms.IntegerField(required=False, label="Limit of tokens", widget=_number(step="1"))
    limit_seconds = forms.FloatField(
        required=False, label="Limit of seconds", help_text="Of execution; waiting costs nothing.", widget=_number()
    )
    limit_usd = forms.FloatField(
        required=False, label="Limit of US dollars", help_text="0 allows models that cost nothing.", widget=_number()
    )
    owner: forms.ModelChoiceField[Any] = forms.ModelChoiceField(
        queryset=None,
        to_field_name="username",
        help_text="The user name of any active user.",
        error_messages={"invalid_choice": "There is no active user of that name."},
        widget=UnfoldAdminTextInputWidget({"autocomplete": "off"}),
    )
    priority = PriorityField()
    scheduled_at = MomentField(
        required=False, label="Start at (UTC)", help_text="Empty: at once. At most a year ahead."
    )
    idempotency_key = forms.CharField(
        required=False, initial=new_key, widget=forms.HiddenInput({"autocomplete": "off"})
    )

    def __init__(self, chosen: Journey, *args: Any, user: AbstractBaseUser | AnonymousUser, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.chosen, self.user = chosen, user
        self.own = own_fields(chosen)
        fields: dict[str, Any] = self.fields
        fields["journey"].choices = [(one.name, one.title) for one in journeys().values()]
        fields["journey"].initial = chosen.name
        fields["owner"].queryset = get_user_model().objects.filter(is_active=True)
        fields["owner"].initial = user.get_username()
        fields["source_files"].help_text = limits_of_files()
        self._offer_models(fields)
        self._offer_search(fields)
        self._say_bounds(fields)
        for one in self.own:
            fields[one.name] = one.form_field
            if one.shape.key in FIELDS:
                fields.pop(FIELDS[one.shape.key], None)

    def _offer_models(self, fields: dict[str, Any]) -> None:
        models = [(one.name, f"{one.name} ({one.model})") for one in language_models()]
        if len(models) < 2:
            del fields["model"]
            return
        usual = self.chosen.model if self.chosen.model in dict(models) else None
        fields["model"].choices = [("", f"As the journey says: {usual}" if usual else "As configured"), *models]
        fields["model"].help_text = (
            "Which one is asked first; if it fails, the others follow in their order: "
            f"{', '.join(name for name, _ in models)}."
        )

    def _offer_search(self, fields: dict[str, Any]) -> None:
        env = settings.ENV
        fields["web_search"].help_text = (
            f"The topic and the queries of the plan are sent to {', '.join(env.autonomy_search)}."
            if env.autonomy_search
            else "No search service is configured: see AUTONOMY_SEARCH in the settings."
        )
        fields["web_search"].disabled = not env.autonomy_search
        fields["web_search"].initial = bool(env.autonomy_search) and self._default("web_search") is True

    def _say_bounds(self, fields: dict[str, Any]) -> None:
        """Those of this journey, and what holds where nothing is typed."""
        env, found = settings.ENV, shapes(self.chosen.task_spec)
        for name, general in {
            "words": None,
            "target_similarity": env.turnitin_target_similarity,
            "max_revisions": env.autonomy_max_revisions,
        }.items():
            default = self._default(name)
            _bind(fields[FIELDS[name]], found.get(name), general if default is None else default)
        limits, defaults = shapes(LimitsSpec), default_limits(self.chosen)
        for name in LIMITS:
            _bind(fields[f"limit_{name}"], limits[name], defaults[name])
        for name in ("topic", "headings"):
            shape = found.get("sections" if name == "headings" else name)
            told = bounds_in_words(shape) if shape else ""
            fields[name].help_text = f"{fields[name].help_text} {told}".strip()

    def _default(self, name: str) -> Any:
        shape = shapes(self.chosen.task_spec).get(name)
        return None if shape is None or shape.default is UNKNOWN else shape.default

    def task_spec(self) -> dict[str, Any]:
        """As the API takes it; what was left empty is left out."""
        said = {name: value for name, value in self.cleaned_data.items() if value not in (None, "")}
        limits = {name: said[f"limit_{name}"] for name in LIMITS if f"limit_{name}" in said}
        spec = {key: said[name] for key, name in FIELDS.items() if name in said and name in self.fields}
        if "sections" in spec:
            spec["sections"] = [line.strip() for line in spec["sections"].splitlines() if line.strip()]
        own = {
            one.shape.key: one.said(self.cleaned_data[one.name]) for one in self.own if one.name in self.cleaned_data
        }
        spec |= {key: value for key, value in own.items() if value is not LEFT_OUT}
        return spec | ({"limits": limits} if limits else {})

    def so_far(self) -> dict[str, Any]:
        """The values that are right already; none of a form that was not sent."""
        return self.cleaned_data if self.is_bound and self.errors is not None else {}

    def take_errors(self, error: InvalidInput) -> None:
        """A field that was wrong before the journey looked at it has nothing more to be told."""
        told = error.details.get("fields", {})
        left = {where: said for where, said in told.items() if self.place(where)[0] not in self.errors}
        if left or not told:
            super().take_errors(InvalidInput(error.message, fields=left) if told else error)

    def take_new_key(self) -> None:
        """So that the form, sent once more, starts another run."""
        self.data = cast(QueryDict, self.data).copy()
        self.data["idempotency_key"] = new_key()

    def place(self, where: str) -> tuple[str | None, str]:
        path = where.removeprefix("task_spec").removeprefix(".")
        if where == "sources":
            return "source_files", ""
        key, _, rest = path.partition(".")
        lead = f"Line {int(rest) + 1}: " if rest.isdigit() else f"{rest}: " if rest else ""
        for one in self.own:
            if one.shape.key == key:
                return one.name, lead
        if key == "limits" and f"limit_{rest}" in self.fields:
            return f"limit_{rest}", ""
        if key == "sections" and rest.isdigit():
            return "headings", f"Heading {int(rest) + 1}: "
        if FIELDS.get(key) in self.fields:
            return FIELDS[key], lead
        return (None, "") if where == "task_spec" else super().place(where)


def _bind(field: forms.Field, shape: Any, default: Any) -> None:
    attrs = field.widget.attrs
    if shape is not None:
        told = bounds_in_words(shape)
        attrs |= {name: value for name, value in (("min", shape.least), ("max", shape.most)) if value is not None}
        field.help_text = f"{field.help_text} {told}".strip()
    if isinstance(default, int | float):
        field.help_text = f"{field.help_text} Empty: {default:,}."
        attrs["placeholder"] = f"{default:,} (default)"

"""The form that starts a run. What it says is checked by the journey; its errors come back to the fields here."""

from __future__ import annotations

from typing import Any, cast
from uuid import uuid4

from django import forms
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.template.defaultfilters import filesizeformat
from unfold.widgets import (
    BASE_INPUT_CLASSES,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from autonomy.console.moment_field import MomentField
from autonomy.console.priority_field import PriorityField
from autonomy.console.service_form import ServiceForm
from autonomy.journeys.registry import journeys
from autonomy.providers.configured import language_models
from autonomy.services.start_run import GivenSource, default_limits
from autonomy.tools.extract import SUPPORTED

# Where an error of start_run belongs on the page.
_FIELDS = {
    "task_spec.topic": "topic",
    "task_spec.title": "title",
    "task_spec.sections": "headings",
    "task_spec.words": "words",
    "task_spec.web_search": "web_search",
    "task_spec.model": "model",
    "task_spec.target_similarity": "target_similarity",
    "task_spec.max_revisions": "max_revisions",
    "task_spec.limits.tokens": "limit_tokens",
    "task_spec.limits.seconds": "limit_seconds",
    "task_spec.limits.usd": "limit_usd",
    "sources": "source_files",
}


def _new_key() -> str:
    return str(uuid4())


def _number(**attrs: Any) -> UnfoldAdminIntegerFieldWidget:
    return UnfoldAdminIntegerFieldWidget({"step": "any", **attrs})


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Any number of files; too large ones are refused before they are read."""

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile[Any]]:
        files = [one for one in data or [] if one]
        limit = settings.ENV.autonomy_upload_max_bytes
        for one in files:
            super().clean(one, initial)
            if not one.name.lower().endswith(SUPPORTED):
                raise forms.ValidationError(f"{one.name} cannot be read. Files may end in {', '.join(SUPPORTED)}.")
            if one.size > limit:
                raise forms.ValidationError(f"{one.name} is larger than {filesizeformat(limit)}.")
        return files


class StartForm(ServiceForm):
    journey = forms.ChoiceField(widget=UnfoldAdminSelectWidget)
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
    words = forms.IntegerField(required=False, help_text="Length to aim for.", widget=_number())
    model = forms.ChoiceField(required=False, label="Language model", widget=UnfoldAdminSelectWidget)
    source_files = FilesField(
        required=False,
        label="Source files",
        widget=FilesInput({"class": " ".join([*BASE_INPUT_CLASSES, "max-w-2xl"]), "accept": ",".join(SUPPORTED)}),
    )
    web_search = forms.BooleanField(required=False, label="Also look for sources", widget=UnfoldBooleanSwitchWidget)
    target_similarity = forms.FloatField(
        required=False,
        label="Target similarity (fraction, 0.15 = 15 %)",
        help_text="The document is accepted up to here.",
        widget=_number(),
    )
    max_revisions = forms.IntegerField(
        required=False, label="Revisions, at most", help_text="Hand-offs after the first.", widget=_number()
    )
    limit_tokens = forms.IntegerField(required=False, label="Limit of tokens", widget=_number())
    limit_seconds = forms.FloatField(
        required=False,
        label="Limit of seconds",
        help_text="Of execution; waiting costs nothing.",
        widget=_number(),
    )
    limit_usd = forms.FloatField(required=False, label="Limit of US dollars", widget=_number())
    owner: forms.ModelChoiceField[Any] = forms.ModelChoiceField(
        queryset=None,
        to_field_name="username",
        help_text="The user name of any active user.",
        error_messages={"invalid_choice": "There is no active user of that name."},
        widget=UnfoldAdminTextInputWidget({"autocomplete": "off"}),
    )
    priority = PriorityField()
    scheduled_at = MomentField(
        required=False,
        label="Start at (UTC)",
        help_text="Empty: at once. At most a year ahead.",
    )
    idempotency_key = forms.CharField(
        required=False, initial=_new_key, widget=forms.HiddenInput({"autocomplete": "off"})
    )

    def __init__(self, *args: Any, user: AbstractBaseUser | AnonymousUser, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        env, all_journeys = settings.ENV, journeys().values()
        fields: dict[str, Any] = self.fields
        fields["journey"].choices = [(one.name, f"{one.title} – {one.description}") for one in all_journeys]
        fields["owner"].queryset = get_user_model().objects.filter(is_active=True)
        fields["owner"].initial = user.get_username()
        usual = {one.title: one.task_spec.model_fields["words"].default for one in all_journeys}
        fields["words"].help_text += " Empty: " + ", ".join(f"{n} ({title})" for title, n in usual.items()) + "."
        self._offer_models(fields)
        fields["source_files"].help_text = (
            f"{', '.join(SUPPORTED)}; up to {env.autonomy_upload_max_files} sources of "
            f"{filesizeformat(env.autonomy_upload_max_bytes)} each. "
            "The run may cite nothing else, but for what it is asked to look for."
        )
        fields["web_search"].help_text = (
            f"The topic and the queries of the plan are sent to {', '.join(env.autonomy_search)}."
            if env.autonomy_search
            else "No search service is configured: see AUTONOMY_SEARCH in the settings."
        )
        fields["web_search"].disabled = not env.autonomy_search
        for name, default in {
            "target_similarity": env.turnitin_target_similarity,
            "max_revisions": env.autonomy_max_revisions,
        }.items():
            fields[name].widget.attrs["placeholder"] = f"{default:,} (default)"
        defaults = [default_limits(one) for one in all_journeys]
        for name in ("tokens", "seconds", "usd"):
            told = dict.fromkeys(f"{limits[name]:,}" for limits in defaults)
            fields[f"limit_{name}"].widget.attrs["placeholder"] = " or ".join(told) + " (default)"

    @staticmethod
    def _offer_models(fields: dict[str, Any]) -> None:
        models = [(one.name, f"{one.name} ({one.model})") for one in language_models()]
        if len(models) < 2:
            del fields["model"]
            return
        fields["model"].choices = [("", "As configured"), *models]
        fields["model"].help_text = (
            "Which one is asked first; if it fails, the others follow in their order: "
            f"{', '.join(name for name, _ in models)}."
        )

    def task_spec(self) -> dict[str, Any]:
        said = {name: value for name, value in self.cleaned_data.items() if value not in (None, "")}
        limits = {name: said[f"limit_{name}"] for name in ("tokens", "seconds", "usd") if f"limit_{name}" in said}
        asked = ("topic", "title", "words", "web_search", "model", "target_similarity", "max_revisions")
        return {
            **{name: said[name] for name in asked if name in said},
            "sections": [line.strip() for line in said.get("headings", "").splitlines() if line.strip()],
            "limits": limits,
        }

    def given_sources(self, pasted: list[dict[str, Any]]) -> list[GivenSource]:
        return [
            *(GivenSource(one.name or "upload.txt", one.read()) for one in self.cleaned_data["source_files"]),
            *(
                GivenSource(f"{one['title']}.txt", one["text"].encode(), one["title"], "inline")
                for one in pasted
                if one.get("text")
            ),
        ]

    def take_new_key(self) -> None:
        """So that the form, sent once more, starts another run."""
        self.data = cast(QueryDict, self.data).copy()
        self.data["idempotency_key"] = _new_key()

    def place(self, where: str) -> tuple[str | None, str]:
        path, _, item = where.rpartition(".")
        if path == "task_spec.sections" and item.isdigit():
            return "headings", f"Heading {int(item) + 1}: "
        return super().place(_FIELDS.get(where, where))


class PastedForm(forms.Form):
    use_required_attribute = False

    title = forms.CharField(required=False, max_length=300, widget=UnfoldAdminTextInputWidget)
    text = forms.CharField(required=False, strip=False, widget=UnfoldAdminTextareaWidget({"rows": 4}))

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if given.get("title") and not (given.get("text") or "").strip():
            self.add_error("text", "Paste the text that belongs to this title.")
        if (given.get("text") or "").strip() and not given.get("title"):
            self.add_error("title", "Give the source a title: it is cited by it.")
        return given


PastedSources = forms.formset_factory(PastedForm, extra=2, max_num=2, absolute_max=2)

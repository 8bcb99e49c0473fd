"""The start form as it was sent, or as another button than Start makes it: checked, for another journey, from JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.files.uploadedfile import UploadedFile
from django.forms import BaseFormSet
from django.http import HttpRequest, QueryDict

from autonomy.console import start_json
from autonomy.console.source_fields import PastedSources
from autonomy.console.start_form import StartForm
from autonomy.errors import InvalidInput
from autonomy.journeys.journey import Journey
from autonomy.journeys.registry import journeys, validated
from autonomy.services.start_run import check_model, check_search

User = AbstractBaseUser | AnonymousUser
MOST_SIZES = 200


@dataclass
class Filled:
    """The form with its pasted sources, and what is to be said of it. `note` says what a button did."""

    form: StartForm
    pasted: BaseFormSet[Any]
    files: list[UploadedFile[Any]] = field(default_factory=list)
    checked: bool = False
    note: str = ""
    json_text: str = ""
    json_errors: Sequence[str] = ()
    started_before: UUID | None = None

    @property
    def sizes(self) -> list[int]:
        """Bytes of each file and characters of each pasted text."""
        texts = (str(one["text"].value() or "") for one in self.pasted.forms)
        return [*(one.size or 0 for one in self.files), *(len(text) for text in texts if text.strip())]

    @property
    def errors(self) -> list[tuple[str, str, str]]:
        """For each the address of its field within the page, the field's label and what is wrong."""
        found = [("", "", str(told)) for told in self.form.non_field_errors()]
        if self.pasted.is_bound:
            found += [("", "", str(told)) for told in self.pasted.non_form_errors()]
        for at in self.form:
            found += [(f"#{at.id_for_label or at.auto_id}", str(at.label), str(told)) for told in at.errors]
        for number, one in enumerate(self.pasted.forms, start=1):
            for name, all_told in one.errors.items():
                label = f"Pasted source {number}, {name}"
                found += [(f"#{one[name].id_for_label}", label, str(told)) for told in all_told]
        return [*found, *(("#id_json_text", "JSON", told) for told in self.json_errors)]

    @property
    def asked(self) -> dict[str, str] | None:
        """`{spec, curl}`: what the form would send, and as a request of the API; None unless it fits."""
        if not self.checked or self.errors:
            return None
        body = start_json.body(self.form, [one.cleaned_data for one in self.pasted])
        return {
            "spec": start_json.written(body["task_spec"]),
            "curl": start_json.curl(body, [str(one.name) for one in self.files]),
        }

    def fits(self) -> bool:
        """As a start would judge it, but for sources and time; all that is wrong is told at once."""
        form, pasted = self.form, self.pasted.is_valid()
        form.is_valid()
        try:
            spec = validated(form.chosen, form.task_spec())
            check_search(spec)
            check_model(spec)
        except InvalidInput as error:
            form.take_errors(error)
        return pasted and not form.errors


def journey_of(name: str | None) -> Journey:
    """The one of that name, else the first."""
    return journeys().get(name or "") or next(iter(journeys().values()))


def empty(journey: Journey, user: User) -> Filled:
    return Filled(StartForm(journey, user=user), PastedSources(prefix="pasted"))


def sent(request: HttpRequest) -> Filled:
    return _of(journey_of(request.POST.get("journey")), request.POST, request)


def checked(filled: Filled, done: str = "") -> Filled:
    filled.checked = True
    if filled.fits():
        filled.note = f"{done} Everything fits. Nothing has been started.".strip()
    return filled


def for_journey(request: HttpRequest, name: str) -> Filled:
    """What was typed, under another journey. What is not finished is not held against it."""
    before, after = journey_of(request.POST.get("journey")), journey_of(name)
    filled = _of(after, start_json.carried_over(request.POST, before, after), request)
    filled.note = f"The journey is now {after.title}. What you typed is kept; nothing has been started."
    return _unjudged(filled)


def from_json(request: HttpRequest) -> Filled:
    text, journey = request.POST.get("json_text", ""), journey_of(request.POST.get("journey"))
    try:
        journey, data = start_json.filled(text, journey, request.POST)
    except start_json.Refused as refused:
        filled = _unjudged(_of(journey, request.POST, request))
        filled.json_text, filled.json_errors = text, refused.told
        return filled
    return checked(_of(journey, data, request), "The form is filled from the JSON.")


def sizes_told(data: QueryDict) -> list[int]:
    """Of files that were only named by their sizes."""
    told = data.getlist("sizes")[:MOST_SIZES]
    return [int(one) for one in told if one.isascii() and one.isdigit() and len(one) < 12]


def _of(journey: Journey, data: QueryDict, request: HttpRequest) -> Filled:
    form = StartForm(journey, data, request.FILES, user=request.user)
    return Filled(form, PastedSources(data, prefix="pasted"), list(request.FILES.getlist("source_files")))


def _unjudged(filled: Filled) -> Filled:
    for one in (filled.form, *filled.pasted.forms):
        one.errors.clear()
    return filled

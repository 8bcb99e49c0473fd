"""The sources of a run as the start form takes them: files, and texts that are pasted."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat
from unfold.widgets import BASE_INPUT_CLASSES, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from autonomy.services.start_run import GivenSource
from autonomy.tools.extract import SUPPORTED

PASTED = 2  # what there is room for at first
MOST_PASTED = 20
TITLE_CHARS = 300


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True

    def __init__(self) -> None:
        super().__init__({"class": " ".join([*BASE_INPUT_CLASSES, "max-w-2xl"]), "accept": ",".join(SUPPORTED)})


class FilesField(forms.FileField):
    """Any number of files; too large ones are refused before they are read, and each error names its file."""

    widget = FilesInput

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile[Any]]:
        files = [one for one in data or [] if one is not None]
        env = settings.ENV
        wrong = [told for one in files if (told := self._wrong(one))]
        if len(files) > env.autonomy_upload_max_files:
            wrong.append(f"These are {len(files)} files; a run takes at most {env.autonomy_upload_max_files} sources.")
        if sum(one.size for one in files) > env.autonomy_upload_max_total_bytes:
            bound = filesizeformat(env.autonomy_upload_max_total_bytes)
            wrong.append(f"All files together are larger than {bound}.")
        if wrong:
            raise forms.ValidationError(wrong)
        return files

    def _wrong(self, one: UploadedFile[Any]) -> str:
        limit = settings.ENV.autonomy_upload_max_bytes
        name, size = str(one.name), one.size or 0
        if not name.lower().endswith(SUPPORTED):
            return f"{name} cannot be read. Files may end in {', '.join(SUPPORTED)}."
        if size > limit:
            return f"{name} is larger than {filesizeformat(limit)}."
        return "" if size else f"{name} is empty."


def limits_of_files() -> str:
    env = settings.ENV
    return (
        f"{', '.join(SUPPORTED)}; up to {env.autonomy_upload_max_files} sources of "
        f"{filesizeformat(env.autonomy_upload_max_bytes)} each, {filesizeformat(env.autonomy_upload_max_total_bytes)} "
        "together. The run may cite nothing else, but for what it is asked to look for."
    )


class PastedForm(forms.Form):
    use_required_attribute = False

    title = forms.CharField(required=False, max_length=TITLE_CHARS, widget=UnfoldAdminTextInputWidget)
    text = forms.CharField(required=False, strip=False, widget=UnfoldAdminTextareaWidget({"rows": 4}))

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if given.get("title") and not (given.get("text") or "").strip():
            self.add_error("text", "Paste the text that belongs to this title.")
        if (given.get("text") or "").strip() and not given.get("title"):
            self.add_error("title", "Give the source a title: it is cited by it.")
        return given


PastedSources = forms.formset_factory(PastedForm, extra=PASTED, max_num=MOST_PASTED, absolute_max=MOST_PASTED)


def given_sources(files: list[UploadedFile[Any]], pasted: list[dict[str, Any]]) -> list[GivenSource]:
    return [
        *(GivenSource(one.name or "upload.txt", one.read()) for one in files),
        *(
            GivenSource(f"{one['title']}.txt", one["text"].encode(), one["title"], "inline")
            for one in pasted
            if one.get("text")
        ),
    ]

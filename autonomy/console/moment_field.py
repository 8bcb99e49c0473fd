from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import BASE_INPUT_CLASSES


class MomentInput(forms.DateTimeInput):
    """The browser's own picker: it works without scripts, and on a phone."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__({"class": " ".join([*BASE_INPUT_CLASSES, "max-w-2xl"])}, format="%Y-%m-%dT%H:%M")


class MomentField(forms.DateTimeField):
    """A date and time in UTC."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=MomentInput(), **kwargs)

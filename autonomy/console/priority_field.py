from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget

_NOTES = {0: " – most urgent", 5: " – usual", 9: " – least urgent"}


class PriorityField(forms.TypedChoiceField):
    def __init__(self, **kwargs: Any) -> None:
        choices = [(number, f"{number}{_NOTES.get(number, '')}") for number in range(10)]
        super().__init__(coerce=int, choices=choices, initial=5, widget=UnfoldAdminSelectWidget, **kwargs)

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextInputWidget

from turnitin import report_address


class SimilarityField(forms.FloatField):
    """A fraction. With its sign a percent is one too: “12 %” is what Turnitin shows, and means 0.12."""

    widget = UnfoldAdminTextInputWidget

    def to_python(self, value: object) -> Any:
        text = str(value or "").strip()
        if not text.endswith("%"):
            return super().to_python(value)
        text = text[:-1].strip()
        percent = super().to_python(text)
        if percent is None or not math.isfinite(percent):
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        if not 0 <= percent <= 100:
            raise forms.ValidationError("Turnitin's percent is from 0 % to 100 %.", code="no_percent")
        return float(Decimal(text) / 100)


class ReportForm(forms.Form):
    use_required_attribute = False

    report_url = forms.URLField(
        label="Address of the report",
        max_length=report_address.MAX_CHARS,
        assume_scheme="https",
        help_text="Starts with https://",
        widget=UnfoldAdminTextInputWidget({"inputmode": "url", "placeholder": "https://"}),
    )
    observed_similarity = SimilarityField(
        label="Similarity",
        help_text="As Turnitin shows it, with its sign: 12 %. Or as a fraction, as Autonomy keeps it: 0.12.",
        widget=UnfoldAdminTextInputWidget({"placeholder": "12 %", "autocomplete": "off"}),
    )
    human_uploader_id = forms.CharField(
        label="Uploaded by",
        required=False,
        max_length=200,
        help_text="Who gave the document to Turnitin, if you want it on record.",
        widget=UnfoldAdminTextInputWidget,
    )

    def clean_report_url(self) -> str:
        url: str = self.cleaned_data["report_url"]
        if wrong := report_address.complaint(url):
            raise forms.ValidationError(wrong)
        return url

    def clean_observed_similarity(self) -> float:
        figure: float = self.cleaned_data["observed_similarity"]
        if not math.isfinite(figure) or not 0 <= figure <= 1:
            raise forms.ValidationError(
                f"Similarity is a fraction from 0 to 1: write {figure / 100:g} for {figure:g} percent, or {figure:g} %."
                if 1 < figure <= 100
                else "Similarity is a fraction from 0 to 1."
            )
        return figure

from __future__ import annotations

import math

from django import forms
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from turnitin import report_address


class ReportForm(forms.Form):
    use_required_attribute = False

    report_url = forms.URLField(
        label="Address of the report",
        max_length=report_address.MAX_CHARS,
        assume_scheme="https",
        help_text="Starts with https://",
        widget=UnfoldAdminTextInputWidget({"inputmode": "url", "placeholder": "https://"}),
    )
    observed_similarity = forms.FloatField(
        label="Similarity (fraction, 0.15 = 15 %)",
        help_text="From 0 to 1, as everywhere in Autonomy: divide Turnitin's percent by 100.",
        widget=UnfoldAdminIntegerFieldWidget({"step": "any", "min": 0, "max": 1, "placeholder": "0.15"}),
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
                f"Similarity is a fraction from 0 to 1: write {figure / 100:g} for {figure:g} percent."
                if 1 < figure <= 100
                else "Similarity is a fraction from 0 to 1."
            )
        return figure

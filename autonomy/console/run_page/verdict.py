"""What the critic said of a draft, in words."""

from __future__ import annotations

from typing import Any

from autonomy.console.prose_html import sound

_GATES = {
    "plain_prose": "More than plain prose",
    "citations_resolve": "Citation without a source",
    "citations_brief": "Text inside a citation",
    "section_supported": "Nothing is cited",
    "quotations_closed": "Quotation without an end",
    "quotations_verbatim": "Quotation that is not verbatim",
    "quotation_marked": "Wording that is not marked as a quotation",
    "word_count": "Length",
    "overlap": "Too much in common with the sources",
}
_MOST = 40


def told(draft: dict[str, Any]) -> dict[str, Any]:
    """`{label, variant, sentence, note, failures: [{gate, section, message}], more}` for a selected draft."""
    verdict = draft["verdict"]
    failures = verdict.get("failures", [])
    label, variant, sentence = _said(draft, verdict, len(failures))
    return {
        "label": label,
        "variant": variant,
        "sentence": sentence,
        "note": sound(str(verdict.get("note", ""))),
        "failures": [
            {"gate": _GATES.get(one["gate"], one["gate"].replace("_", " ").capitalize()),
             "section": sound(one["section"]), "message": sound(one["message"])}
            for one in failures[:_MOST]
        ],
        "more": max(0, len(failures) - _MOST),
    }  # fmt: skip


def _said(draft: dict[str, Any], verdict: dict[str, Any], failures: int) -> tuple[str, str, str]:
    if not draft["is_whole"]:
        return "Under way", "info", "The critic judges a draft once all of its sections are there."
    if not draft["is_judged"] or not verdict:
        return "Not judged yet", "info", "The draft is whole, and the critic has not judged it yet."
    if verdict.get("accepted"):
        return "Accepted", "success", "The draft passes every gate, and its originality report is within the target."
    if failures:
        found = "One finding" if failures == 1 else f"{failures} findings"
        return found, "danger", "The draft does not pass. What was found:"
    if verdict.get("note"):
        return "Sent back", "warning", "The draft was handed off and sent back for another revision."
    return "Passed", "success", "The draft passes every gate and goes to Turnitin as it stands."

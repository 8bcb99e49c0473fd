"""What a journey asks beyond the common task spec, as fields of a form: made from its schema, a widget a type."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from django import forms
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from autonomy.console.journey_schema import UNKNOWN, Shape, choices_of, shapes
from autonomy.console.json_text import JsonField
from autonomy.console.moment_field import MomentField
from autonomy.journeys.journey import Journey, TaskSpec

LEFT_OUT = object()
LONG = 300  # characters from which on a text has more than one line
Kind = Literal["switch", "choice", "choices", "whole", "number", "date", "moment", "line", "text", "lines", "json"]


class DateInput(UnfoldAdminTextInputWidget):
    input_type = "date"


@dataclass(frozen=True)
class JourneyField:
    """A field of the form for one of the task spec. `name` is its own in the form, apart from the form's others."""

    shape: Shape
    kind: Kind

    @property
    def name(self) -> str:
        return f"own-{self.shape.key}"

    @property
    def form_field(self) -> forms.Field:
        shape = self.shape
        needed = shape.required and self.kind not in ("switch", "choices")
        common = {"label": shape.label, "help_text": self._help(), "required": needed}
        if self.kind in ("switch", "choice", "choices") and shape.default not in (None, UNKNOWN):
            common["initial"] = self.typed(shape.default)
        return _MADE[self.kind](shape, common)

    def said(self, cleaned: Any) -> Any:
        """What the task spec has for what was filled in; LEFT_OUT where the journey's default shall hold."""
        shape = self.shape
        if self.kind in ("switch", "choices"):
            return [json.loads(one) for one in cleaned] if self.kind == "choices" else bool(cleaned)
        if cleaned in (None, ""):
            explicit = self.kind == "choice" and shape.optional and shape.default is not None
            return None if explicit else LEFT_OUT
        if self.kind == "choice":
            return json.loads(cleaned)
        if self.kind == "lines":
            return [line.strip() for line in cleaned.splitlines() if line.strip()] or LEFT_OUT
        return cleaned.isoformat() if isinstance(cleaned, date | datetime) else cleaned

    def typed(self, value: Any) -> str | list[str]:
        """A value of the task spec as it stands in the form. Raises ValueError where it cannot stand there."""
        if value is None and self.kind != "switch":
            return [] if self.kind == "choices" else ""
        if self.kind == "json":
            return json.dumps(value, ensure_ascii=False, indent=2)
        if self.kind in ("choices", "lines"):
            if not isinstance(value, list):
                raise ValueError("It must be a list.")
            if self.kind == "choices":
                return [_token(one) for one in value]
            if any(not isinstance(one, str) or "\n" in one for one in value):
                raise ValueError("It must be a list of texts of one line each.")
            return "\n".join(value)
        if isinstance(value, dict | list):
            raise ValueError(f"It must be {self.shape.words}.")
        if self.kind == "switch":
            if not isinstance(value, bool):
                raise ValueError("It must be true or false.")
            return "on" if value else ""
        return _token(value) if self.kind == "choice" else str(value)

    def fresh(self) -> str | list[str]:
        """What stands in the form before anything is typed."""
        shown = self.kind in ("switch", "choice", "choices") and self.shape.default not in (None, UNKNOWN)
        return self.typed(self.shape.default) if shown else ([] if self.kind == "choices" else "")

    def _help(self) -> str:
        shape, told = self.shape, [_sentence(self.shape.description)]
        told.append(
            {"lines": "One a line.", "json": f"As JSON: {shape.words}.", "moment": "In UTC."}.get(self.kind, "")
        )
        told.append(bounds_in_words(shape))
        if not shape.required and self.kind not in ("switch", "choice", "choices"):
            told.append(f"Empty: {_default_in_words(shape.default)}.")
        return " ".join(filter(None, told))


def own_fields(journey: Journey) -> list[JourneyField]:
    """Of the fields that only this journey has, and of common ones that it has made something else of."""
    found = shapes(journey.task_spec)
    return [JourneyField(shape, _kind(shape)) for name, shape in found.items() if is_own(journey, name)]


def is_own(journey: Journey, name: str) -> bool:
    common = TaskSpec.model_fields.get(name)
    return common is None or journey.task_spec.model_fields[name].annotation != common.annotation


def bounds_in_words(shape: Shape) -> str:
    schema = shape.schema
    if schema.get("type") == "array":
        return _between("entries", "entry", schema.get("minItems"), schema.get("maxItems"))
    if schema.get("type") == "string" and not shape.choices and not schema.get("format"):
        return _between("characters", "character", schema.get("minLength"), schema.get("maxLength"))
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    told = _between("", "", shape.least, shape.most)
    if schema.get("type") == "number":
        told = " ".join(filter(None, [told, *(f"More than {above:,}." for _ in [0] if above is not None)]))
        told = " ".join(filter(None, [told, *(f"Less than {below:,}." for _ in [0] if below is not None)]))
    return told


def _between(many: str, one: str, least: float | None, most: float | None) -> str:
    """In a sentence; empty where there is no bound."""
    if least is not None and most is not None:
        return (
            f"{least:,} to {most:,} {many}".strip() + "."
            if least != most
            else f"Exactly {least:,} {many}".strip() + "."
        )
    if most is not None:
        return f"At most {most:,} {one if most == 1 else many}".strip() + "."
    if least:
        return f"At least {least:,} {one if least == 1 else many}".strip() + "."
    return ""


def _kind(shape: Shape) -> Kind:
    schema, default = shape.schema, shape.default
    of = schema.get("type")
    if shape.choices:
        return "choice"
    if of == "boolean":
        # Where neither is the default, both can be chosen, and neither.
        return "switch" if not shape.optional and (shape.required or isinstance(default, bool)) else "choice"
    if of == "array" and "prefixItems" not in schema and isinstance(schema.get("items"), dict):
        if choices_of(schema["items"]):
            return "choices" if not shape.optional and default is not UNKNOWN else "json"
        return "lines" if schema["items"].get("type") == "string" else "json"
    if of == "string":
        return _kind_of_text(schema)
    return {"integer": "whole", "number": "number"}.get(str(of), "json")  # type: ignore[return-value]


def _kind_of_text(schema: Mapping[str, Any]) -> Kind:
    if schema.get("format") in ("date", "date-time"):
        return "date" if schema["format"] == "date" else "moment"
    return "text" if schema.get("maxLength", 0) >= LONG else "line"


def _numeric(shape: Shape, step: str) -> UnfoldAdminIntegerFieldWidget:
    bounds = {"min": shape.least, "max": shape.most, "step": step}
    return UnfoldAdminIntegerFieldWidget({name: value for name, value in bounds.items() if value is not None})


def _options(shape: Shape) -> list[tuple[str, str]]:
    values = shape.choices if shape.choices else [True, False]
    named = [(_token(value), _name(value)) for value in values]
    if shape.required and not shape.optional:
        return [("", "Choose one"), *named]
    if shape.optional:
        return [("", "None"), *named]
    return named if shape.default is not UNKNOWN else [("", "As the journey says"), *named]


def _token(value: Any) -> str:
    """Of a choice, in the form: its JSON, so that 1 and "1" stay apart."""
    return json.dumps(value)


def _name(value: Any) -> str:
    return {True: "Yes", False: "No"}[value] if isinstance(value, bool) else str(value).replace("_", " ")


def _choices(shape: Shape, common: dict[str, Any]) -> forms.Field:
    options = [(_token(one), _name(one)) for one in choices_of(shape.schema["items"]) or []]
    return forms.MultipleChoiceField(choices=options, widget=UnfoldAdminCheckboxSelectMultipleWidget, **common)


def _json(shape: Shape, common: dict[str, Any]) -> forms.Field:
    return JsonField(widget=UnfoldAdminTextareaWidget({"rows": 4, "spellcheck": "false"}), **common)


_MADE: Mapping[Kind, Callable[[Shape, dict[str, Any]], forms.Field]] = {
    "switch": lambda shape, common: forms.BooleanField(widget=UnfoldBooleanSwitchWidget, **common),
    "choice": lambda shape, common: forms.ChoiceField(
        choices=_options(shape), widget=UnfoldAdminSelectWidget, **common
    ),
    "choices": _choices,
    "whole": lambda shape, common: forms.IntegerField(widget=_numeric(shape, "1"), **common),
    "number": lambda shape, common: forms.FloatField(widget=_numeric(shape, "any"), **common),
    "date": lambda shape, common: forms.DateField(widget=DateInput, **common),
    "moment": lambda shape, common: MomentField(**common),
    "line": lambda shape, common: forms.CharField(widget=UnfoldAdminTextInputWidget, **common),
    "text": lambda shape, common: forms.CharField(widget=UnfoldAdminTextareaWidget({"rows": 4}), **common),
    "lines": lambda shape, common: forms.CharField(widget=UnfoldAdminTextareaWidget({"rows": 4}), **common),
    "json": _json,
}


def _default_in_words(default: Any) -> str:
    if default is UNKNOWN:
        return "the journey chooses"
    if default in (None, "") or default == [] or default == {}:
        return "none"
    if isinstance(default, list) and all(isinstance(one, str) for one in default):
        return ", ".join(default)
    if isinstance(default, int | float) and not isinstance(default, bool):
        return f"{default:,}"
    return default if isinstance(default, str) else json.dumps(default, ensure_ascii=False)


def _sentence(text: str) -> str:
    return text if not text or text.endswith((".", "!", "?", "…", ":")) else f"{text}."

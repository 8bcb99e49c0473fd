"""The start form as JSON, both ways: the request it would be at the API, and a pasted one that fills the form."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from django.http import QueryDict

from autonomy.console.journey_fields import own_fields
from autonomy.console.journey_schema import shapes
from autonomy.console.json_text import json_of
from autonomy.console.source_fields import MOST_PASTED, PASTED
from autonomy.console.start_form import FIELDS, LIMITS, StartForm
from autonomy.errors import UnknownJourney
from autonomy.journeys.journey import Journey
from autonomy.journeys.registry import journey_named, journeys

BODY = ("journey", "task_spec", "priority")


def body(form: StartForm, pasted: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What `POST /api/v2/runs` takes for what a valid form says; files are not in it."""
    given, spec = form.cleaned_data, form.task_spec()
    texts = [{"title": one["title"], "text": one["text"]} for one in pasted if one.get("text")]
    asked: dict[str, Any] = {"journey": form.chosen.name, "task_spec": spec | ({"sources": texts} if texts else {})}
    if given["priority"] != 5:
        asked["priority"] = given["priority"]
    if given["scheduled_at"]:
        asked["scheduled_at"] = given["scheduled_at"].isoformat()
    if given["owner"].pk != form.user.pk:
        asked["user_id"] = given["owner"].pk
    return asked


def written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def curl(asked: Mapping[str, Any], files: Sequence[str]) -> str:
    """The command for a shell in which HOST and TOKEN are set; with files as multipart."""
    lines = ['curl -s "$HOST/api/v2/runs" -H "Authorization: Token $TOKEN"']
    if not files:
        lines += ['-H "Content-Type: application/json"', f"-d {shlex.quote(written(asked))}"]
    else:
        plain = {
            name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            for name, value in asked.items()
        }
        lines += [f"--form-string {shlex.quote(f'{name}={value}')}" for name, value in plain.items()]
        lines += [f"-F {shlex.quote(_file_part(name))}" for name in files]
    return " \\\n  ".join(lines)


def _file_part(name: str) -> str:
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'sources=@"{quoted}"'


class Refused(Exception):
    """A pasted JSON that does not fit the form: a sentence for each thing that is wrong."""

    def __init__(self, *told: str) -> None:
        super().__init__(" ".join(told))
        self.told = list(told)


def filled(text: str, journey: Journey, posted: QueryDict) -> tuple[Journey, QueryDict]:
    """The form's data for a task spec, or for a whole request of the API; the rest stays as it was posted.

    Raises Refused, with nothing filled.
    """
    try:
        given = json_of(text)
    except ValueError as error:
        raise Refused(str(error)) from None
    if not isinstance(given, dict):
        raise Refused("It must be a JSON object: {…}.")
    data = posted.copy()
    if "task_spec" in given:
        journey, given = _opened(given, journey, data)
    _fill(data, given, journey)
    data["journey"] = journey.name
    return journey, data


def _opened(given: dict[str, Any], journey: Journey, data: QueryDict) -> tuple[Journey, dict[str, Any]]:
    if unknown := sorted(given.keys() - set(BODY)):
        raise Refused(
            *(
                f"“{name}” is no field that this form takes from a request; it takes {', '.join(BODY)}."
                for name in unknown
            )
        )
    if not isinstance(spec := given["task_spec"], dict):
        raise Refused("“task_spec” must be a JSON object: {…}.")
    if "priority" in given:
        data["priority"] = str(given["priority"])
    if "journey" in given:
        try:
            journey = journey_named(str(given["journey"]))
        except UnknownJourney:
            raise Refused(f"There is no journey “{given['journey']}”; there is {', '.join(journeys())}.") from None
    return journey, spec


def _fill(data: QueryDict, spec: dict[str, Any], journey: Journey) -> None:
    own = {one.shape.key: one for one in own_fields(journey)}
    common = {key: name for key, name in FIELDS.items() if key not in own}
    known = {*own, *common, "limits", "sources"}
    wrong = [f"There is no field “{name}” in the task spec of {journey.title}." for name in sorted(spec.keys() - known)]
    for key, name in common.items():
        try:
            usual = shapes(journey.task_spec)[key].default if key == "web_search" else None
            data[name] = _typed(key, spec.get(key, usual))
        except ValueError as error:
            wrong.append(f"“{key}”: {error}")
    limits = spec.get("limits") or {}
    if not isinstance(limits, dict) or limits.keys() - set(LIMITS):
        wrong.append(f"“limits” must be an object with {', '.join(LIMITS)}.")
    else:
        for name in LIMITS:
            data[f"limit_{name}"] = "" if limits.get(name) is None else str(limits[name])
    for key, one in own.items():
        try:
            data.setlist(one.name, _list(one.typed(spec[key]) if key in spec else one.fresh()))
        except ValueError as error:
            wrong.append(f"“{key}”: {error}")
    if "sources" in spec:
        wrong += _fill_pasted(data, spec["sources"])
    if wrong:
        raise Refused(*wrong)


def _fill_pasted(data: QueryDict, texts: Any) -> list[str]:
    fits = isinstance(texts, list) and all(
        isinstance(one, dict) and one.keys() == {"title", "text"} and all(isinstance(s, str) for s in one.values())
        for one in texts
    )
    if not fits:
        return ["“sources” must be a list of objects with title and text."]
    if len(texts) > MOST_PASTED:
        return [f"“sources”: the form has room for {MOST_PASTED} texts; bring more as files."]
    data["pasted-TOTAL_FORMS"] = str(max(len(texts), PASTED))
    data["pasted-INITIAL_FORMS"] = "0"
    for number in range(max(len(texts), PASTED)):
        for name in ("title", "text"):
            data[f"pasted-{number}-{name}"] = texts[number][name] if number < len(texts) else ""
    return []


def _typed(key: str, value: Any) -> str:
    if value is None:
        return ""
    if key == "sections":
        if not isinstance(value, list) or any(not isinstance(one, str) or "\n" in one for one in value):
            raise ValueError("It must be a list of headings of one line each.")
        return "\n".join(value)
    if key == "web_search":
        if not isinstance(value, bool):
            raise ValueError("It must be true or false.")
        return "on" if value else ""
    if isinstance(value, dict | list | bool):
        raise ValueError("It must be a text or a number.")
    return str(value)


def carried_over(posted: QueryDict, before: Journey, after: Journey) -> QueryDict:
    """What was typed for one journey, as far as the other has the same field, and the other's defaults."""
    data = posted.copy()
    had = {one.name: one for one in own_fields(before)}
    for one in own_fields(after):
        if one.name not in had or had[one.name].kind != one.kind:
            data.setlist(one.name, _list(one.fresh()))
    data["journey"] = after.name
    return data


def _list(typed: str | list[str]) -> list[str]:
    return typed if isinstance(typed, list) else [typed]

"""What a journey's task spec asks, read from its JSON schema: of each field its shape, its default and its words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import PydanticSerializationError, core_schema, to_jsonable_python

UNKNOWN = object()  # a default that is made anew for each run, or that is no JSON
DEEP = 4
_TYPES = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true or false", "null": "null"}
_NUMBERS = ({"integer"}, {"number"}, {"integer", "number"}, {"number", "string"})


@dataclass(frozen=True)
class Shape:
    """One field of a task spec. `key` is its name in the task spec; `schema` is JSON schema without references at its
    top, and without null, which `optional` allows instead. `default` is JSON, or UNKNOWN.
    """

    key: str
    label: str
    description: str
    schema: Mapping[str, Any]
    optional: bool
    required: bool
    default: Any
    words: str

    @property
    def least(self) -> float | None:
        """Of a whole number also where the schema says more than."""
        return self._bound("minimum", "exclusiveMinimum", +1)

    @property
    def most(self) -> float | None:
        return self._bound("maximum", "exclusiveMaximum", -1)

    @property
    def choices(self) -> list[Any] | None:
        return choices_of(self.schema)

    def _bound(self, name: str, exclusive: str, step: int) -> float | None:
        if name in self.schema or exclusive not in self.schema:
            return self.schema.get(name)
        return self.schema[exclusive] + step if self.schema.get("type") == "integer" else None


class _Lenient(GenerateJsonSchema):
    def handle_invalid_for_json_schema(self, schema: core_schema.CoreSchema, error_info: str) -> JsonSchemaValue:
        """What JSON schema has no words for may be anything; the journey checks it all the same."""
        return {}


@cache
def shapes(task_spec: type[BaseModel]) -> Mapping[str, Shape]:
    """By the field's name in the model, in the model's order."""
    whole = task_spec.model_json_schema(schema_generator=_Lenient)
    defs, found = whole.get("$defs", {}), {}
    for name, info in task_spec.model_fields.items():
        alias = info.validation_alias or info.alias
        key = alias if isinstance(alias, str) else name
        said = whole["properties"].get(key, {})
        schema, optional = plain(said, defs)
        found[name] = Shape(
            key=key,
            label=info.title or key.replace("_", " ").strip().capitalize(),
            description=info.description or "",
            schema=schema,
            optional=optional,
            required=info.is_required(),
            default=None if info.is_required() else _default(info),
            words=in_words(schema, defs),
        )
    return found


def plain(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """The schema without references and null, and whether null is allowed. Numbers of either kind are one number."""
    own = {name: value for name, value in schema.items() if name not in ("$ref", "anyOf", "default", "title")}
    if "$ref" in schema:
        there, optional = plain(defs[schema["$ref"].rpartition("/")[2]], defs)
        return {**there, **own}, optional
    if "items" in own and isinstance(own["items"], dict):
        own["items"] = plain(own["items"], defs)[0]
    for theirs, ours in {"gt": "exclusiveMinimum", "ge": "minimum", "lt": "exclusiveMaximum", "le": "maximum"}.items():
        if theirs in own:
            own[ours] = own.pop(theirs)
    given = schema.get("anyOf")
    if not given:
        return own, False
    branches = [plain(one, defs) for one in given]
    optional = any(one.get("type") == "null" or null for one, null in branches)
    some = [one for one, _ in branches if one.get("type") != "null"]
    if len(some) == 1:
        return {**some[0], **own}, optional
    types = {str(one.get("type")) for one in some}
    if types in _NUMBERS and not any(choices_of(one) for one in some):
        numbers = [one for one in some if one["type"] != "string"]
        return {**numbers[-1], **own, "type": "number"}, optional
    return {**own, "anyOf": some}, optional


def choices_of(schema: Mapping[str, Any]) -> list[Any] | None:
    """The values to choose from, where there is nothing else."""
    given = [schema["const"]] if "const" in schema else schema.get("enum")
    scalar = given and all(isinstance(one, str | int | float) for one in given)
    return list(given) if given and scalar else None


def in_words(schema: Mapping[str, Any], defs: Mapping[str, Any], depth: int = 0) -> str:
    """The schema as a person reads it: `a list of objects with name (text) and weight (number, may be left out)`."""
    schema, _ = plain(schema, defs)
    if choices := choices_of(schema):
        return " or ".join(map(str, choices))
    if depth >= DEEP:
        return "JSON"
    if "anyOf" in schema:
        return " or ".join(in_words(one, defs, depth + 1) for one in schema["anyOf"])
    kind = schema.get("type")
    if kind == "array":
        if first := schema.get("prefixItems"):
            return f"a list: {', '.join(in_words(one, defs, depth + 1) for one in first)}"
        return f"a list of: {in_words(schema.get('items', {}), defs, depth + 1)}"
    if kind == "object":
        return _object_in_words(schema, defs, depth)
    return _TYPES.get(str(kind), "any JSON")


def _object_in_words(schema: Mapping[str, Any], defs: Mapping[str, Any], depth: int) -> str:
    if not (fields := schema.get("properties")):
        rest = schema.get("additionalProperties")
        inner = f" whose values are: {in_words(rest, defs, depth + 1)}" if isinstance(rest, dict) and rest else ""
        return f"an object {{…}}{inner}"
    needed = schema.get("required", [])
    told = [
        f"“{name}” ({in_words(one, defs, depth + 1)}{'' if name in needed else ', may be left out'})"
        for name, one in fields.items()
    ]
    return f"an object with {', '.join(told)}"


def _default(info: FieldInfo) -> Any:
    try:
        if info.default_factory is None:
            return to_jsonable_python(info.default)
        return UNKNOWN if info.default_factory_takes_validated_data else to_jsonable_python(info.default_factory())  # type: ignore[call-arg]
    except PydanticSerializationError:
        return UNKNOWN

"""Values from outside, brought into the form of a pydantic model, with errors that people can mend."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from autonomy.errors import InvalidInput

Form = TypeVar("Form", bound=BaseModel)


def fitted(form: type[Form], value: dict[str, Any], where: str = "", told: str = "") -> Form:
    """The value in that form. Raises InvalidInput; details have a list of messages for each field, below `where`."""
    try:
        return form.model_validate(value)
    except ValidationError as error:
        fields: dict[str, list[str]] = {}
        for one in error.errors(include_input=False, include_url=False):
            # Where a number may be an int or a float, pydantic names both below the field.
            loc = [str(part) for part in one["loc"] if part not in ("int", "float")]
            field = ".".join([where, *loc] if where else loc)
            fields.setdefault(field, []).append(_hint(field, one["msg"]))
        raise InvalidInput(told or None, fields=fields) from None


def _hint(field: str, message: str) -> str:
    if field.endswith("target_similarity") and "less than or equal to 1" in message:
        return "Similarity is a fraction from 0 to 1: write 0.15 for 15 percent."
    if message == "Extra inputs are not permitted":
        return "There is no such field."
    return f"{message}."

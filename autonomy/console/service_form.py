"""A form whose input is checked by a service; what the service refuses comes back to the fields."""

from __future__ import annotations

from django import forms

from autonomy.errors import InvalidInput

_PLAIN = {
    "Input should be": "It must be",
    "String should have": "It must have",
    "List should have": "There must be",
}


class ServiceForm(forms.Form):
    use_required_attribute = False

    def place(self, where: str) -> tuple[str | None, str]:
        """The field that an error about `where` belongs to, if there is one, and what to say before the error."""
        return (where, "") if where in self.fields else (None, f"{where}: ")

    def take_errors(self, error: InvalidInput) -> None:
        """Put what was refused beside the field it is about."""
        told: dict[str, list[str]] = error.details.get("fields", {})
        for where, said in told.items():
            name, lead = self.place(where)
            for one in said:
                self.add_error(name, lead + _plain(one))
        if not told:
            self.add_error(None, error.message)


def _plain(message: str) -> str:
    if "match pattern" in message:
        return "It must be one line without control characters."
    for theirs, ours in _PLAIN.items():
        message = message.replace(theirs, ours)
    return message

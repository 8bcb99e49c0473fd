from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Failure:
    """A gate that did not pass: its name, the section it concerns (or ""), and what to mend."""

    gate: str
    section: str
    message: str

    def as_dict(self) -> dict[str, str]:
        return {"gate": self.gate, "section": self.section, "message": self.message}


def short(text: str, limit: int = 80) -> str:
    """An excerpt for a message."""
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"

"""A call that is answered with an error."""

from __future__ import annotations

from autonomy.demo.stage.reply import Reply


class Refusal(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    @property
    def reply(self) -> Reply:
        """Turnitin's one form of an error."""
        return Reply.json(self.status, {"status": self.status, "message": self.message})

"""What a vendor can be told to answer, and what the vendors of language models have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol

from autonomy.demo.stage.completion import Asked, Bend, Completion, Writes, complete
from autonomy.demo.stage.reply import Reply
from autonomy.demo.stage.request import Request


class Vendor(Protocol):
    """`error` is the vendor's envelope around a status, `says` its message instead of the usual one, and `delay` the
    seconds to wait, for those who tell them in the body."""

    name: str

    def serves(self, request: Request) -> bool: ...

    def answer(self, request: Request, writes: Writes, bend: Bend) -> Reply: ...

    def error(self, status: int, says: str = "", delay: float | None = None) -> Reply: ...

    def quota(self) -> Reply:
        """Nothing goes on until somebody pays, or the day is over."""

    def bad_key(self, key: str) -> Reply: ...

    def overflow(self) -> Reply:
        """The request is longer than the model's window."""


class LanguageVendor(ABC):
    """A language model: the same completion in each vendor's envelope."""

    @abstractmethod
    def asked(self, request: Request) -> Asked: ...

    @abstractmethod
    def envelope(self, completion: Completion) -> dict[str, Any]: ...

    @abstractmethod
    def error(self, status: int, says: str = "", delay: float | None = None) -> Reply: ...

    def missing(self, request: Request) -> Reply | None:
        """What the vendor answers when something is missing that it insists on."""
        return None

    def answer(self, request: Request, writes: Writes, bend: Bend) -> Reply:
        if refused := self.missing(request):
            return refused
        try:
            completion = complete(self.asked(request), writes)
        except (KeyError, TypeError, AttributeError):
            return self.error(400, "The body is not what this endpoint takes.")
        except ValueError as error:
            return self.error(400, str(error))
        return Reply.json(200, self.envelope(bend(completion)))


def text_of(content: Any) -> str:
    """A message's content, be it a string or a list of parts."""
    if isinstance(content, str):
        return content
    return "".join(str(part["text"]) for part in content if "text" in part)

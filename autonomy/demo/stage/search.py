"""What the vendors of search have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod

from autonomy.demo.stage.completion import Bend, Completion, Writes
from autonomy.demo.stage.reply import Reply
from autonomy.demo.stage.request import Request


class SearchVendor(ABC):
    """Finds in the catalogue. A fault in what a model writes becomes one in what is found: text that is no JSON stays
    that, JSON of another form becomes an object without results; what concerns usage alone changes nothing."""

    @abstractmethod
    def found(self, request: Request) -> Reply: ...

    @abstractmethod
    def error(self, status: int, says: str = "", delay: float | None = None) -> Reply: ...

    def answer(self, request: Request, writes: Writes, bend: Bend) -> Reply:
        reply = self.found(request)
        right = reply.body.decode()
        bent = bend(Completion(right, "", len(right), (0, 0)))
        return Reply(reply.status, bent.text.encode(), reply.headers)

    def quota(self) -> Reply:
        return self.error(429)

    def bad_key(self, key: str) -> Reply:
        return self.error(401)

    def overflow(self) -> Reply:
        return self.error(413)


def most(value: str | None, usual: int) -> int:
    """How many results were asked for."""
    return int(value) if value and value.isdigit() else usual

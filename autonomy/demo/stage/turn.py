"""One request, and all that it can be answered with."""

from __future__ import annotations

from dataclasses import dataclass

from autonomy.demo.stage.completion import Bend, Writes, straight
from autonomy.demo.stage.reply import Reply
from autonomy.demo.stage.request import Request
from autonomy.demo.stage.vendor import Vendor
from autonomy.demo.stage.wire import Wire


@dataclass(frozen=True)
class Turn:
    request: Request
    vendor: Vendor
    wire: Wire
    writes: Writes

    def answer(self, bend: Bend = straight) -> Reply:
        """The right answer, with what is changed in it."""
        return self.vendor.answer(self.request, self.writes, bend)

    def send(self, reply: Reply) -> None:
        self.wire.send(reply)

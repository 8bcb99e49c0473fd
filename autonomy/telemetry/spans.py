"""What is told of a run and of an attempt, to whoever makes the spans of it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol


class ProviderSpan(Protocol):
    """The span of one attempt, told what came of it."""

    def told(
        self,
        outcome: str,
        *,
        model: str = "",
        tokens_in: int = 0,
        tokens_out: int = 0,
        tokens_cached: int = 0,
        usd: float | None = None,
        http_status: int | None = None,
        reason: str = "",
    ) -> None:
        """`model`: the one that answered. `reason`: why the attempt failed, in our own words."""


class EndedRun(Protocol):
    """What is told of a run when it ends: autonomy's model has it all."""

    @property
    def pk(self) -> Any: ...
    @property
    def journey(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def outcome(self) -> str: ...
    @property
    def revision(self) -> int: ...
    @property
    def spent_tokens(self) -> int: ...
    @property
    def spent_usd(self) -> Decimal: ...
    @property
    def created_at(self) -> datetime: ...

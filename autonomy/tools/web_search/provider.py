"""What the cascade asks of a search service."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar, Protocol

from autonomy.ports import Found

# In the User-Agent of every request; Crossref and OpenAlex ask for a way to reach whoever sends it.
AGENT = "Autonomy/0.1 (supervised writing jobs)"


class SearchProvider(Protocol):
    """One service. Retrying, spacing, merging and counting are done by those who ask it.

    `price` is US dollars a query at the service's list price; `spacing` is the seconds that it wants between two calls.
    """

    name: ClassVar[str]
    price: ClassVar[Decimal]
    spacing: ClassVar[float]

    def find(self, query: str, limit: int, *, timeout: float) -> list[Found]:
        """One attempt, best work first, over within `timeout` seconds. Raises AttemptFailed."""


def agent(contact: str) -> str:
    """The User-Agent with a mail address, if one is given."""
    return f"{AGENT[:-1]}; mailto:{contact})" if contact else AGENT

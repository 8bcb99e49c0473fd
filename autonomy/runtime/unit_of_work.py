"""What one superstep wants to write, collected until its commit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from autonomy.episodes.record import NewEpisode, append_leased
from autonomy.runtime.queue import Claim


@dataclass
class UnitOfWork:
    """Episodes and effects of one superstep, then of the next. Also the nodes' port to the episodic log.

    `effects` are run inside the commit's transaction, in the order they were added: database writes only.
    """

    claim: Claim
    node: str
    episodes: list[NewEpisode] = field(default_factory=list)
    effects: list[Callable[[], None]] = field(default_factory=list)

    def begin(self, node: str) -> None:
        self.node, self.episodes, self.effects = node, [], []

    def note(self, kind: str, message: str, **data: Any) -> None:
        self.episodes.append(self._episode(kind, message, data))

    def now(self, kind: str, message: str, **data: Any) -> None:
        episode = self._episode(kind, message, data)
        append_leased(self.claim.run_id, self.claim.job_id, self.claim.token, episode)

    def effect(self, write: Callable[[], None]) -> None:
        self.effects.append(write)

    def _episode(self, kind: str, message: str, data: dict[str, Any]) -> NewEpisode:
        return NewEpisode(kind, message, data, node=self.node, attempt=self.claim.attempt)

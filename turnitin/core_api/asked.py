"""What the Core API is told: https://developers.turnitin.com/turnitin-core-api"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from config.turnitin_settings import EXCLUSIONS

LONGEST_TITLE = 500
UNTITLED = "Untitled document"


def known_as(user_id: int) -> str:
    """What Turnitin knows a user as: an opaque id, no name and no address."""
    return f"autonomy-{user_id}"


@dataclass(frozen=True)
class Acceptance:
    """That somebody agrees to a version of the licence. `user_id` is what Turnitin knows them as."""

    version: str
    user_id: str
    language: str
    accepted_at: datetime

    def told(self) -> dict[str, str]:
        return {
            "user_id": self.user_id,
            "accepted_timestamp": moment(self.accepted_at),
            "language": self.language,
            "version": self.version,
        }


@dataclass(frozen=True)
class NewSubmission:
    """`owner` is what Turnitin knows the run's user as."""

    owner: str
    title: str
    cycle_id: UUID | str
    run_id: UUID | str
    acceptance: Acceptance | None
    submitted_at: datetime

    def told(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            "owner": self.owner,
            "submitter": self.owner,
            "title": " ".join(self.title.split())[:LONGEST_TITLE] or UNTITLED,
            "metadata": {
                "owners": [{"id": self.owner}],
                "submitter": {"id": self.owner},
                "original_submitted_time": moment(self.submitted_at),
                "custom": json.dumps({"run": str(self.run_id), "cycle": str(self.cycle_id)}),
            },
        }
        if self.acceptance:
            eula = self.acceptance.told()
            told["eula"] = {name: eula[name] for name in ("version", "language", "accepted_timestamp")}
        return told


@dataclass(frozen=True)
class ScanSettings:
    """What a document is compared with, and what does not count: words of TURNITIN_REPOSITORIES, TURNITIN_EXCLUDE."""

    repositories: Sequence[str]
    exclude: Sequence[str]

    def told(self) -> dict[str, Any]:
        return {
            # A draft that is kept there would be found in the next one, and in whatever its author hands in elsewhere.
            "indexing_settings": {"add_to_index": False},
            "generation_settings": {
                "search_repositories": list(self.repositories),
                "auto_exclude_self_matching_scope": "ALL",
            },
            "view_settings": {f"exclude_{what}": what in self.exclude for what in EXCLUSIONS},
        }


def moment(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

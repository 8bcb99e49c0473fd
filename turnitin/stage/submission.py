"""A document at Turnitin, and what has become of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from turnitin.stage.matches import top_matches


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def new_id() -> str:
    return str(uuid4())


@dataclass
class Pdf:
    """`status` is PENDING, SUCCESS or FAILED."""

    id: str = field(default_factory=new_id)
    status: str = "PENDING"


@dataclass
class Submission:
    """`status` is CREATED, PROCESSING, COMPLETE, ERROR or DELETED.

    `report_status` is empty until a report is asked for, then PENDING, PROCESSING and COMPLETE. `similarity` is a
    fraction from 0 to 1, None before the report is complete. `scans` is how many reports were paid for, `settings`
    what the last of them was asked with.
    """

    owner: str
    title: str
    submitter: str = ""
    eula: dict[str, Any] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=new_id)
    created_time: str = field(default_factory=now)
    status: str = "CREATED"
    error_code: str = ""
    original: bytes = b""
    filename: str = ""
    scans: int = 0
    settings: dict[str, Any] = field(default_factory=dict)
    report_status: str = ""
    similarity: float | None = None
    time_requested: str = ""
    time_generated: str = ""
    pdfs: dict[str, Pdf] = field(default_factory=dict)

    def created(self) -> dict[str, Any]:
        """The answer to its creation."""
        return {
            "id": self.id,
            "owner": self.owner,
            "title": self.title,
            "status": self.status,
            "created_time": self.created_time,
        }

    def told(self) -> dict[str, Any]:
        """What Turnitin says of it. What it counts of the text is invented."""
        said: dict[str, Any] = self.created()
        if self.status == "COMPLETE":
            said |= {
                "content_type": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
                "page_count": 1 + len(self.original) // 3000,
                "word_count": 1 + len(self.original) // 6,
                "character_count": len(self.original),
                "capabilities": ["INDEX", "VIEWER", "SIMILARITY"],
            }
        if self.error_code:
            said["error_code"] = self.error_code
        return said

    def report(self) -> dict[str, Any]:
        """What Turnitin says of its report; percentages are whole numbers. Which of them are left out before the end is
        not documented."""
        said: dict[str, Any] = {
            "submission_id": self.id,
            "status": self.report_status,
            "time_requested": self.time_requested,
        }
        if self.similarity is not None:
            percentage = round(self.similarity * 100)
            matches = top_matches(percentage)
            said |= {
                "time_generated": self.time_generated,
                "overall_match_percentage": percentage,
                "internet_match_percentage": percentage * 2 // 3,
                "publication_match_percentage": percentage // 2,
                "submitted_works_match_percentage": percentage // 5,
                "top_source_largest_matched_word_count": max(
                    (match["matched_word_count_total"] for match in matches), default=0
                ),
                "top_matches": matches,
            }
        return said

    def echoed(self) -> dict[str, Any]:
        """What an event repeats of the metadata: only what is the client's own."""
        custom = self.metadata.get("custom")
        return {"metadata": {} if custom is None else {"custom": custom}}

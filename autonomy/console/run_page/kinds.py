"""How each kind of episode looks in a log: its words, its icon, its tone, and the group it is found under."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from autonomy.episodes.kinds import Kind

GROUPS = {
    "errors": "Errors and retries",
    "decisions": "Decisions",
    "nodes": "Nodes",
    "people": "People",
    "sources": "Sources",
    "providers": "Providers",
    "turnitin": "Turnitin",
}


@dataclass(frozen=True)
class Look:
    """`tone`: `plain`, `good`, `warn` or `bad`; `groups`: keys of GROUPS."""

    words: str
    icon: str
    tone: str
    groups: tuple[str, ...]


LOOKS: dict[str, Look] = {
    Kind.RUN_QUEUED: Look("Queued", "schedule", "plain", ("people",)),
    Kind.RUN_STARTED: Look("Started", "play_arrow", "plain", ("nodes",)),
    Kind.RUN_ENDED: Look("Ended", "flag", "plain", ("decisions",)),
    Kind.RUN_FAILED: Look("Failed", "error", "bad", ("errors",)),
    Kind.RUN_CANCELLED: Look("Cancelled", "block", "warn", ("decisions",)),
    Kind.CANCEL_REQUESTED: Look("Cancel asked for", "person", "warn", ("people",)),
    Kind.RUN_RETRIED: Look("Retried", "person", "plain", ("people",)),
    Kind.BUDGET_RAISED: Look("Limits raised", "person", "plain", ("people",)),
    Kind.RUN_FORKED: Look("Forked", "person", "plain", ("people",)),
    Kind.RUN_SCHEDULED: Look("Scheduled", "person", "plain", ("people",)),
    Kind.PRIORITY_CHANGED: Look("Priority changed", "person", "plain", ("people",)),
    Kind.NODE_FINISHED: Look("Node finished", "check", "plain", ("nodes",)),
    Kind.STEP_FAILED: Look("Step failed", "error", "bad", ("errors", "nodes")),
    Kind.NODE_PAUSED: Look("Paused", "pause", "plain", ("nodes", "turnitin")),
    Kind.RESUME_REFUSED: Look("Resume refused", "front_hand", "warn", ("decisions", "turnitin")),
    Kind.LEASE_EXPIRED: Look("Worker lost", "error", "bad", ("errors",)),
    Kind.STEP_GIVEN_BACK: Look("Step given back", "undo", "warn", ("nodes",)),
    Kind.BUDGET_EXCEEDED: Look("Limit reached", "money_off", "bad", ("errors", "decisions")),
    Kind.SOURCE_READ: Look("Source read", "menu_book", "plain", ("sources",)),
    Kind.SOURCE_SKIPPED: Look("Source skipped", "warning", "warn", ("sources", "errors")),
    Kind.SEARCHED: Look("Searched", "search", "plain", ("sources", "providers")),
    Kind.SEARCH_FAILED: Look("Search failed", "error", "bad", ("errors", "sources")),
    Kind.SOURCE_FOUND: Look("Source found", "menu_book", "plain", ("sources",)),
    Kind.SOURCE_RETRACTED: Look("Source retracted", "warning", "warn", ("sources",)),
    Kind.PLANNED: Look("Planned", "checklist", "plain", ("decisions",)),
    Kind.SECTION_DROPPED: Look("Section left out", "content_cut", "warn", ("decisions",)),
    Kind.RESEARCHED: Look("Researched", "fact_check", "plain", ("decisions", "sources")),
    Kind.PROGRESS: Look("Progress", "more_horiz", "plain", ()),
    Kind.DRAFTED: Look("Drafted", "edit_note", "plain", ("decisions",)),
    Kind.PREFLIGHT: Look("Preflight", "compare", "plain", ("decisions",)),
    Kind.GATES_PASSED: Look("Gates passed", "verified", "good", ("decisions",)),
    Kind.GATES_FAILED: Look("Gates failed", "rule", "warn", ("decisions", "errors")),
    Kind.SIMILARITY_ACCEPTED: Look("Similarity accepted", "verified", "good", ("decisions", "turnitin")),
    Kind.SIMILARITY_REJECTED: Look("Similarity above target", "rule", "warn", ("decisions", "turnitin")),
    Kind.RETRY: Look("Asked again", "refresh", "warn", ("errors", "providers")),
    Kind.FALLBACK: Look("Another provider", "alt_route", "warn", ("errors", "providers")),
    Kind.PROVIDER_OFF: Look("Provider refused", "block", "bad", ("errors", "providers")),
    Kind.BREAKER_LOCAL: Look("Breaker alone", "warning", "warn", ("errors", "providers")),
    Kind.USAGE_ABOVE_RESERVE: Look("More used than reserved", "warning", "warn", ("providers",)),
    Kind.CYCLE_OPENED: Look("Handed off", "outbox", "plain", ("turnitin",)),
    Kind.REPORT_RECEIVED: Look("Report received", "mark_email_read", "good", ("turnitin", "people")),
    Kind.REPORT_TOO_LATE: Look("Report too late", "schedule_send", "warn", ("turnitin", "errors")),
    Kind.REPORT_INCOMPLETE: Look("Report incomplete", "warning", "warn", ("turnitin", "errors")),
    Kind.TURNITIN_ASKED: Look("Turnitin asked", "person", "plain", ("turnitin", "people")),
    Kind.TURNITIN_TROUBLE: Look("Trouble at Turnitin", "warning", "warn", ("turnitin", "errors")),
    Kind.TURNITIN_FAILED: Look("Turnitin failed", "error", "bad", ("turnitin", "errors")),
    Kind.REPORT_OVERDUE: Look("Report overdue", "hourglass_bottom", "warn", ("turnitin",)),
    Kind.SIMILARITY_UPDATED: Look("Similarity updated", "update", "warn", ("turnitin",)),
}


def look_of(kind: str) -> Look:
    """A kind that a newer version wrote is shown by its own name."""
    return LOOKS.get(kind) or Look(kind.replace("_", " ").capitalize(), "circle", "plain", ())


def kinds_in(group: str) -> list[str]:
    return [str(kind) for kind, look in LOOKS.items() if group in look.groups]


def for_script() -> dict[str, Any]:
    """The same for the script that writes the live log."""
    return {
        str(kind): {"words": one.words, "icon": one.icon, "tone": one.tone, "groups": one.groups}
        for kind, one in LOOKS.items()
    }

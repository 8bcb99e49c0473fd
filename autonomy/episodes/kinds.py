"""The kinds of episode there are. A kind that is not here cannot be recorded."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    # the life of a run
    RUN_QUEUED = "run_queued"
    RUN_STARTED = "run_started"
    RUN_ENDED = "run_ended"
    RUN_FAILED = "run_failed"
    RUN_CANCELLED = "run_cancelled"
    # what people ask for
    CANCEL_REQUESTED = "cancel_requested"
    RUN_RETRIED = "run_retried"
    BUDGET_RAISED = "budget_raised"
    RUN_FORKED = "run_forked"
    RUN_SCHEDULED = "run_scheduled"
    PRIORITY_CHANGED = "priority_changed"
    # the engine
    NODE_FINISHED = "node_finished"
    STEP_FAILED = "step_failed"
    NODE_PAUSED = "node_paused"
    RESUME_REFUSED = "resume_refused"
    LEASE_EXPIRED = "lease_expired"
    STEP_GIVEN_BACK = "step_given_back"
    BUDGET_EXCEEDED = "budget_exceeded"
    # what the nodes decide
    SOURCE_READ = "source_read"
    SOURCE_SKIPPED = "source_skipped"
    SEARCHED = "searched"
    SEARCH_FAILED = "search_failed"
    SOURCE_FOUND = "source_found"
    SOURCE_RETRACTED = "source_retracted"
    PLANNED = "planned"
    SECTION_DROPPED = "section_dropped"
    RESEARCHED = "researched"
    PROGRESS = "progress"
    DRAFTED = "drafted"
    PREFLIGHT = "preflight"
    GATES_PASSED = "gates_passed"
    GATES_FAILED = "gates_failed"
    SIMILARITY_ACCEPTED = "similarity_accepted"
    SIMILARITY_REJECTED = "similarity_rejected"
    # providers
    RETRY = "retry"
    FALLBACK = "fallback"
    PROVIDER_OFF = "provider_off"
    BREAKER_LOCAL = "breaker_local"
    USAGE_ABOVE_RESERVE = "usage_above_reserve"
    # the hand-off
    CYCLE_OPENED = "cycle_opened"
    REPORT_RECEIVED = "report_received"
    REPORT_INCOMPLETE = "report_incomplete"
    REPORT_TOO_LATE = "report_too_late"
    # Turnitin's Core API
    TURNITIN_ASKED = "turnitin_asked"
    TURNITIN_TROUBLE = "turnitin_trouble"
    TURNITIN_FAILED = "turnitin_failed"
    REPORT_OVERDUE = "report_overdue"
    SIMILARITY_UPDATED = "similarity_updated"

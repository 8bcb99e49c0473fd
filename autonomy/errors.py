"""One tree of errors. Every error that reaches a person or a client is one of these.

The docstring of a class is its default message and says how to mend the matter. `code` is stable and
part of the API; `retryable` tells the engine whether the same superstep may be tried again.
"""

from __future__ import annotations

import inspect
from typing import Any


class AutonomyError(Exception):
    """Something went wrong inside Autonomy."""

    code = "error"
    http_status = 500
    retryable = False

    def __init__(self, message: str | None = None, **details: Any) -> None:
        self.message = message or inspect.cleandoc(type(self).__doc__ or "")
        self.details = details
        super().__init__(self.message)

    def as_dict(self) -> dict[str, Any]:
        """The one JSON shape of an error: `{"code", "message", "details"}`."""
        return {"code": self.code, "message": self.message, "details": self.details}


class InvalidInput(AutonomyError):
    """The request does not fit; see details for the fields to mend."""

    code = "invalid_input"
    http_status = 400


class TooLarge(InvalidInput):
    """The request is too large; send fewer or smaller sources, large ones as files."""

    code = "too_large"
    http_status = 413


class UnknownJourney(InvalidInput):
    """There is no journey of that name; details list the ones there are."""

    code = "unknown_journey"


class NotFound(AutonomyError):
    """There is nothing at this address, or it is not yours to see."""

    code = "not_found"
    http_status = 404


class NotPermitted(AutonomyError):
    """You are not allowed to do this; ask an administrator for the permission named in details."""

    code = "not_permitted"
    http_status = 403


class SignatureRefused(AutonomyError):
    """The signature is not right: sign the bytes of the body as they are sent, with the secret both sides have."""

    code = "signature_refused"
    http_status = 401


class Conflict(AutonomyError):
    """The run or cycle is not in a state that allows this; details tell the state it is in."""

    code = "conflict"
    http_status = 409


class IdempotencyMismatch(Conflict):
    """This Idempotency-Key was used for another request before; send the same request, or take a new key."""

    code = "idempotency_mismatch"


class LeaseLost(AutonomyError):
    """Another worker has taken this job over; nothing of this attempt was written."""

    code = "lease_lost"
    http_status = 409


class RunCancelled(AutonomyError):
    """The run was cancelled while this was under way; start a new run, or fork it."""

    code = "run_cancelled"
    http_status = 409


class UnreadableSource(AutonomyError):
    """The file could not be read as text."""

    code = "unreadable_source"
    http_status = 400


class NoUsableSource(AutonomyError):
    """None of the run's sources could be read; start a new run with at least one readable source."""

    code = "no_usable_source"
    http_status = 400


class ProviderError(AutonomyError):
    """A provider could not do its part; details name it."""

    code = "provider_error"
    http_status = 502


class ProviderUnavailable(ProviderError):
    """No provider answered within the bounds; the run can be retried later."""

    code = "provider_unavailable"
    http_status = 503

    def __init__(self, message: str | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        # Attempts are repeated within the operation; the job comes back only where it is known when to (seconds).
        self.retryable = details.get("retry_after") is not None


class ProviderRefused(ProviderError):
    """The provider refused the request as wrong; retrying the same request cannot help."""

    code = "provider_refused"


class UnusableAnswer(ProviderError):
    """The model's answer did not fit the asked form, also after one repair."""

    code = "unusable_answer"


class ContextOverflow(ProviderError):
    """The request is longer than any configured model can read; use fewer or shorter sources, or a larger model."""

    code = "context_overflow"


class BudgetExceeded(AutonomyError):
    """A limit of the run is used up, or the next call could cross it; raise the limit to go on."""

    code = "budget_exceeded"
    http_status = 409
    waits = False

    @classmethod
    def of(cls, which: str, limit: float, spent: float, asked: float = 0, *, waits: bool = False) -> BudgetExceeded:
        """`asked` is what the next call could use at most. `waits`: calls under way may still give enough back."""
        if asked and spent < limit:
            told = (
                f"{spent:,} of {limit:,} {which} are spent, and the next call could use up to {asked:,}. To go on, it "
                f"takes a limit of {round(spent + asked, 6):,} or more."
            )
            error = cls(told, which=which, limit=limit, spent=spent, asked=asked)
        else:
            error = cls(
                f"The limit of {limit:,} {which} is used up ({spent:,} spent).", which=which, limit=limit, spent=spent
            )
        error.waits = waits
        return error


class DocumentError(AutonomyError):
    """The document could not be written."""

    code = "document_error"


class NoPdf(DocumentError):
    """This document could not be set as a PDF; its Word file and its Markdown say the same."""

    code = "no_pdf"
    http_status = 422

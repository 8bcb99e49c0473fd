"""The spend ledger: a row an attempt, reserved before it and settled after it. No failed step rolls it back."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import structlog
from django.db import IntegrityError, InterfaceError, OperationalError, connection

from autonomy.errors import BudgetExceeded
from autonomy.models import ProviderCall, Run, spending, statements
from autonomy.providers.attempt import FREE, MODEL_LENGTH, Usage
from autonomy.providers.content import clean_text
from autonomy.providers.provider import key_of

log = structlog.get_logger(__name__)

# Seconds between tries at a database that does not answer.
PAUSES = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
# What the columns hold. A number beyond it is wrong anyway, and must not cost the row.
MOST = 2**31 - 1
MOST_USD = Decimal("999999.999999")
LOST_AT_ONCE = 500


@dataclass(frozen=True)
class Entry:
    """One attempt, before it is made. `at_most` is its worst case; without a known price its usd is None."""

    run_id: UUID
    operation_id: UUID
    kind: str
    node: str
    provider: str
    model: str
    attempt: int
    at_most: Usage

    @property
    def key(self) -> str:
        return key_of(self.kind, self.provider)


def reserve(entry: Entry) -> int:
    """Write the attempt down as pending, its worst case reserved of the run's limits; returns the row's id.

    Raises BudgetExceeded, with nothing reserved, where it could cross a limit, and django's OperationalError or
    InterfaceError if the database stays away.
    """
    parameters = {
        "run": entry.run_id,
        "operation": entry.operation_id,
        "kind": entry.kind,
        "node": entry.node,
        "provider": entry.provider,
        "model": clean_text(entry.model)[:MODEL_LENGTH],
        "attempt": entry.attempt,
        **_amounts(entry.at_most),
        "free": entry.at_most == FREE,
    }
    try:
        rows = _patiently(spending.RESERVE, parameters)
    except IntegrityError:
        if written := _written(entry):
            return written
        raise
    if rows:
        return int(rows[0][0])
    # It finds no room beside itself, if it was written before.
    if written := _written(entry):
        return written
    raise _refusal(Run.objects.get(pk=entry.run_id), entry.at_most)


def _written(entry: Entry) -> int | None:
    """The row, if only the answer of the database was lost. An attempt is numbered but once.

    It may have been taken for lost meanwhile: that counts the most as well, and its settlement puts it right.
    """
    known = ProviderCall.objects.filter(operation_id=entry.operation_id, provider=entry.provider, attempt=entry.attempt)
    return known.values_list("pk", flat=True).first()


def settle(
    call_id: int,
    *,
    model: str,
    outcome: str,
    usage: Usage,
    latency_ms: int,
    http_status: int | None = None,
    error: str = "",
) -> None:
    """What the attempt really used, in place of what was reserved. Settled twice it counts once.

    Raises django's OperationalError or InterfaceError if the database stays away; the reservation then stands until
    `settle_lost` takes it for spent.
    """
    _patiently(
        spending.SETTLE,
        {
            "call": call_id,
            "model": clean_text(model)[:MODEL_LENGTH],
            "outcome": outcome,
            "http_status": http_status,
            "tokens_cached": _count(usage.tokens_cached),
            "estimated": usage.estimated,
            "latency_ms": _count(latency_ms),
            "error": clean_text(error),
            "most_usd": MOST_USD,
            **_amounts(usage),
        },
    )


def is_above(usage: Usage, at_most: Usage) -> bool:
    """Whether more was used than had been reserved for it."""
    used, reserved = _amounts(usage), _amounts(at_most)
    return used["tokens_in"] + used["tokens_out"] > reserved["tokens_in"] + reserved["tokens_out"] or (
        used["usd"] or 0
    ) > (reserved["usd"] or 0)


def settle_lost(older_than: float) -> int:
    """Take for spent what was reserved by attempts that began more than `older_than` seconds ago, and never ended.

    Their workers are gone: an attempt has a time-out. Returns how many there were.
    """
    parameters = {"seconds": older_than, "limit": LOST_AT_ONCE, "most_usd": MOST_USD}
    rows = statements.execute(spending.LOSE, parameters)
    for run_id, calls in rows:
        log.warning("provider_calls_lost", run_id=str(run_id), calls=calls)
    return sum(calls for _, calls in rows)


def _patiently(statement: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The connection has stood idle during the call and may be gone: then it is tried again for some seconds."""
    for pause in PAUSES:
        try:
            return statements.execute(statement, parameters)
        except (OperationalError, InterfaceError) as error:
            log.warning("ledger_waits_for_the_database", error=type(error).__name__)
            connection.close()
            time.sleep(pause)
    return statements.execute(statement, parameters)


def _refusal(run: Run, at_most: Usage) -> BudgetExceeded:
    """Which limit it was. `waits` tells that calls under way hold what this one lacks, and may give it back."""
    asked = _amounts(at_most)
    tokens, usd = asked["tokens_in"] + asked["tokens_out"], asked["usd"] or Decimal(0)
    if run.spent_tokens + run.reserved_tokens + tokens > run.limit_tokens:
        return BudgetExceeded.of(
            "tokens", run.limit_tokens, run.spent_tokens, tokens, waits=run.spent_tokens + tokens <= run.limit_tokens
        )
    return BudgetExceeded.of(
        "usd", float(run.limit_usd), float(run.spent_usd), float(usd), waits=run.spent_usd + usd <= run.limit_usd
    )


def _amounts(usage: Usage) -> dict[str, Any]:
    return {"tokens_in": _count(usage.tokens_in), "tokens_out": _count(usage.tokens_out), "usd": _usd(usage.usd)}


def _count(number: int) -> int:
    return min(max(number, 0), MOST)


def _usd(amount: Decimal | None) -> Decimal | None:
    if amount is None or amount.is_nan():
        return None
    return min(max(amount, Decimal(0)), MOST_USD)

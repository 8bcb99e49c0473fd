"""The spend ledger: a row an attempt, written at once, in a transaction that no failed step can roll back."""

from __future__ import annotations

import time
from decimal import Decimal
from uuid import UUID

import structlog
from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Value
from django.db.models.functions import Least

from autonomy.models import ProviderCall, Run
from autonomy.providers.attempt import MODEL_LENGTH, Usage
from autonomy.providers.content import clean_text

log = structlog.get_logger(__name__)

# Seconds between tries at a database that does not answer.
PAUSES = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
# What the columns hold. A number beyond it is wrong anyway, and must not cost the row.
MOST = 2**31 - 1
MOST_USD = Decimal("999999.999999")


def record(
    *,
    run_id: UUID,
    operation_id: UUID,
    kind: str,
    node: str,
    provider: str,
    model: str,
    attempt: int,
    outcome: str,
    usage: Usage,
    latency_ms: int,
    http_status: int | None = None,
    error: str = "",
) -> None:
    """Write the attempt and add what it cost to the run's totals.

    The connection has stood idle during the call and may be gone: then it is tried again for some seconds. The
    attempt's own key keeps it from being written twice. Raises django's OperationalError or InterfaceError.
    """
    call = ProviderCall(
        run_id=run_id,
        operation_id=operation_id,
        kind=kind,
        node=node,
        provider=provider,
        model=clean_text(model)[:MODEL_LENGTH],
        attempt=attempt,
        outcome=outcome,
        http_status=http_status,
        tokens_in=_count(usage.tokens_in),
        tokens_out=_count(usage.tokens_out),
        tokens_cached=_count(usage.tokens_cached),
        usd=_usd(usage.usd),
        estimated=usage.estimated,
        latency_ms=_count(latency_ms),
        error=clean_text(error),
    )
    lost = False
    for pause in (*PAUSES, None):
        try:
            _write(call)
        except IntegrityError:
            if not lost:
                raise
            break  # it was written, and only the answer was lost
        except (OperationalError, InterfaceError) as error:
            if pause is None:
                raise
            lost = True
            log.warning("ledger_waits_for_the_database", error=type(error).__name__)
            connection.close()
            time.sleep(pause)
        else:
            break


def _write(call: ProviderCall) -> None:
    with transaction.atomic():
        call.save(force_insert=True)
        Run.objects.filter(pk=call.run_id).update(
            spent_tokens=F("spent_tokens") + call.tokens_in + call.tokens_out,
            spent_usd=Least(F("spent_usd") + (call.usd or Decimal(0)), Value(MOST_USD)),
        )


def _count(number: int) -> int:
    return min(max(number, 0), MOST)


def _usd(amount: Decimal | None) -> Decimal | None:
    if amount is None or amount.is_nan():
        return None
    return min(max(amount, Decimal(0)), MOST_USD)

"""The spend ledger: a row an attempt, written at once, in a transaction that no failed step can roll back."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Least

from autonomy.models import ProviderCall, Run
from autonomy.providers.attempt import MODEL_LENGTH, Usage
from autonomy.providers.content import clean_text

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
    """Write the attempt and add what it cost to the run's totals."""
    tokens_in, tokens_out, usd = _count(usage.tokens_in), _count(usage.tokens_out), _usd(usage.usd)
    with transaction.atomic():
        ProviderCall.objects.create(
            run_id=run_id,
            operation_id=operation_id,
            kind=kind,
            node=node,
            provider=provider,
            model=clean_text(model)[:MODEL_LENGTH],
            attempt=attempt,
            outcome=outcome,
            http_status=http_status,
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            tokens_cached=_count(usage.tokens_cached),
            usd=usd,
            estimated=usage.estimated,
            latency_ms=_count(latency_ms),
            error=clean_text(error),
        )
        Run.objects.filter(pk=run_id).update(
            spent_tokens=F("spent_tokens") + tokens_in + tokens_out,
            spent_usd=Least(F("spent_usd") + (usd or Decimal(0)), Value(MOST_USD)),
        )


def _count(number: int) -> int:
    return min(max(number, 0), MOST)


def _usd(amount: Decimal | None) -> Decimal | None:
    if amount is None or amount.is_nan():
        return None
    return min(max(amount, Decimal(0)), MOST_USD)

"""The spend ledger: a row an attempt, written at once, in a transaction that no failed step can roll back."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import F

from autonomy.models import ProviderCall, Run
from autonomy.providers.attempt import Usage


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
    with transaction.atomic():
        ProviderCall.objects.create(
            run_id=run_id,
            operation_id=operation_id,
            kind=kind,
            node=node,
            provider=provider,
            model=model,
            attempt=attempt,
            outcome=outcome,
            http_status=http_status,
            tokens_in=usage.tokens_in,
            tokens_out=usage.tokens_out,
            tokens_cached=usage.tokens_cached,
            usd=usage.usd,
            estimated=usage.estimated,
            latency_ms=latency_ms,
            error=error,
        )
        Run.objects.filter(pk=run_id).update(
            spent_tokens=F("spent_tokens") + usage.tokens_in + usage.tokens_out,
            spent_usd=F("spent_usd") + (usage.usd or Decimal(0)),
        )

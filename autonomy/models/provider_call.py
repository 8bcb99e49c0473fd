from __future__ import annotations

import uuid

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q

from autonomy.models.run import Run


class ProviderCall(models.Model):
    """One attempt at one provider. Written at once and never rolled back: money is counted when it is spent.

    While the attempt is pending, tokens and usd are the most it can use, and the run has them reserved. Afterwards they
    are what it used; of a lost one, whose worker died in it, nobody knows, and the most stands.
    """

    class Kind(models.TextChoices):
        LLM = "llm", "language model"
        SEARCH = "search"
        EMBEDDING = "embedding"
        SIMILARITY = "similarity"

    class Outcome(models.TextChoices):
        PENDING = "pending", "under way"
        OK = "ok"
        RETRYABLE = "retryable", "failed, may be retried"
        FINAL = "final", "failed for good"
        LOST = "lost", "its worker died"

    run = models.ForeignKey(Run, models.CASCADE, db_index=False, related_name="provider_calls")
    operation_id = models.UUIDField(default=uuid.uuid4, help_text="The same for all attempts of one call.")
    kind = models.CharField(max_length=10, choices=Kind)
    node = models.CharField(max_length=32, blank=True, default="")
    provider = models.CharField(max_length=64)
    model = models.CharField(max_length=120, blank=True, default="", help_text="The model that answered.")
    attempt = models.PositiveSmallIntegerField()
    outcome = models.CharField(max_length=9, choices=Outcome)
    http_status = models.PositiveSmallIntegerField(null=True, blank=True)
    tokens_in = models.PositiveIntegerField(default=0)
    tokens_out = models.PositiveIntegerField(default=0)
    tokens_cached = models.PositiveIntegerField(default=0)
    usd = models.DecimalField(max_digits=12, decimal_places=6, null=True, blank=True)
    estimated = models.BooleanField(default=False, help_text="Reckoned upwards: the provider did not tell.")
    latency_ms = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "autonomy_provider_calls"
        constraints = [
            models.UniqueConstraint(
                name="provider_call_attempt_unique", fields=["operation_id", "provider", "attempt"]
            ),
            models.CheckConstraint(
                name="provider_call_kind_valid", condition=Q(kind__in=["llm", "search", "embedding", "similarity"])
            ),
            models.CheckConstraint(
                name="provider_call_outcome_valid",
                condition=Q(outcome__in=["pending", "ok", "retryable", "final", "lost"]),
            ),
            models.CheckConstraint(
                name="provider_call_unknown_usage_is_estimated",
                condition=~Q(outcome__in=["pending", "lost"]) | Q(estimated=True),
            ),
            models.CheckConstraint(
                name="provider_call_usd_not_negative", condition=Q(usd__isnull=True) | Q(usd__gte=0)
            ),
        ]
        indexes = [
            models.Index(fields=["run", "created_at"], name="provider_call_of_run"),
            models.Index(fields=["created_at"], name="provider_call_pending", condition=Q(outcome="pending")),
            # Rows come in the order of their time, so that a few pages of summaries lead to a day or a month.
            BrinIndex(fields=["created_at"], name="provider_call_by_time", autosummarize=True),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.model} #{self.attempt} ({self.outcome})"

from __future__ import annotations

import uuid
from decimal import Decimal

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models import Case, F, Q, Value, When

# What retention asks of a run, each with an index of its own; an end after the last pruning makes the run due again.
# The bound that its checkpoints are held to: 0 before its end, then without end until they are pruned.
CHECKPOINTS_BOUND = Case(
    When(ended_at__isnull=True, then=Value(0)),
    When(checkpoints_pruned_at__gte=F("ended_at"), then=F("checkpoints_kept")),
    default=Value(2**31 - 1),
    output_field=models.IntegerField(),
)
# Its end, as long as its episodes are not pruned.
EPISODES_FROM = Case(
    When(episodes_pruned_at__gte=F("ended_at"), then=Value(None)),
    default=F("ended_at"),
    output_field=models.DateTimeField(),
)


# Nothing more happens to such a run by itself; each has an end that a person can turn, or a report to come.
NEEDS_PERSON = Q(status__in=["waiting_human", "failed"]) | Q(outcome="budget_exceeded")


class Run(models.Model):
    """One execution of a journey for a task spec. It owns its jobs, checkpoints, episodes, sources and cycles."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        WAITING_HUMAN = "waiting_human", "waiting for a report"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    class Outcome(models.TextChoices):
        ACCEPTED = "accepted"
        BUDGET_EXCEEDED = "budget_exceeded", "budget exceeded"
        REVISIONS_EXHAUSTED = "revisions_exhausted", "revisions exhausted"
        FAILED = "failed"
        CANCELLED = "cancelled"

    ENDED = (Status.DONE, Status.FAILED, Status.CANCELLED)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="runs", db_index=False)
    journey = models.CharField(max_length=64)
    title = models.CharField(max_length=300)
    task_spec = models.JSONField()
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    idempotency_key = models.CharField(max_length=255, null=True, blank=True, help_text="Given by who started it.")
    request_fingerprint = models.CharField(max_length=64, blank=True, default="", help_text="Of what was asked.")
    forked_from = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="forks", db_index=False
    )
    forked_from_checkpoint = models.CharField(max_length=64, blank=True, default="")
    priority = models.PositiveSmallIntegerField(default=5, help_text="0 is most urgent, 9 least.")

    status = models.CharField(max_length=16, choices=Status, default=Status.QUEUED)
    outcome = models.CharField(max_length=24, choices=Outcome, blank=True, default="")
    reason = models.TextField(blank=True, default="", help_text="Why it failed or ended early, for a person.")
    route = models.CharField(max_length=32, default="plan", help_text="The node that is next.")
    revision = models.PositiveSmallIntegerField(default=0)
    supersteps = models.PositiveIntegerField(default=0, help_text="Supersteps committed.")
    last_seq = models.PositiveIntegerField(default=0, help_text="The newest episode's number.")

    target_similarity = models.FloatField()
    max_revisions = models.PositiveSmallIntegerField()
    limit_tokens = models.PositiveBigIntegerField()
    limit_seconds = models.FloatField(help_text="Seconds of execution; waiting costs nothing.")
    limit_usd = models.DecimalField(max_digits=12, decimal_places=6)
    spent_tokens = models.PositiveBigIntegerField(default=0)
    spent_seconds = models.FloatField(default=0)
    spent_usd = models.DecimalField(max_digits=12, decimal_places=6, default=Decimal(0))
    reserved_tokens = models.PositiveBigIntegerField(default=0, help_text="The most that calls under way can use.")
    reserved_usd = models.DecimalField(max_digits=12, decimal_places=6, default=Decimal(0))

    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    checkpoints_pruned_at = models.DateTimeField(null=True, blank=True, editable=False)
    checkpoints_kept = models.PositiveIntegerField(
        null=True, blank=True, editable=False, help_text="The bound its checkpoints were pruned to."
    )
    episodes_pruned_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        db_table = "autonomy_runs"
        permissions = [
            ("cancel_run", "Can cancel a run"),
            ("retry_run", "Can retry a failed run"),
            ("raise_budget", "Can raise the limits of a run"),
            ("fork_run", "Can fork a run"),
            ("schedule_run", "Can schedule a run and set its priority"),
        ]
        constraints = [
            models.CheckConstraint(
                name="run_status_valid",
                condition=Q(status__in=["queued", "running", "waiting_human", "done", "failed", "cancelled"]),
            ),
            models.CheckConstraint(
                name="run_outcome_valid",
                condition=Q(
                    outcome__in=["", "accepted", "budget_exceeded", "revisions_exhausted", "failed", "cancelled"]
                ),
            ),
            models.CheckConstraint(
                name="run_ended_iff_finished",
                condition=(
                    Q(status__in=["done", "failed", "cancelled"], ended_at__isnull=False) & ~Q(outcome="")
                    | ~Q(status__in=["done", "failed", "cancelled"]) & Q(ended_at__isnull=True, outcome="")
                ),
            ),
            models.CheckConstraint(
                name="run_failed_iff_outcome_failed",
                condition=Q(status="failed", outcome="failed") | ~Q(status="failed") & ~Q(outcome="failed"),
            ),
            models.CheckConstraint(
                name="run_cancelled_iff_outcome_cancelled",
                condition=Q(status="cancelled", outcome="cancelled") | ~Q(status="cancelled") & ~Q(outcome="cancelled"),
            ),
            models.CheckConstraint(
                name="run_route_valid",
                condition=Q(route__in=["plan", "research", "draft", "critic", "turnitin_pause", "END"]),
            ),
            models.CheckConstraint(
                name="run_target_similarity_is_fraction",
                condition=Q(target_similarity__gte=0, target_similarity__lte=1),
            ),
            models.CheckConstraint(name="run_priority_in_0_to_9", condition=Q(priority__lte=9)),
            models.CheckConstraint(
                name="run_limits_positive", condition=Q(limit_tokens__gt=0, limit_seconds__gt=0, limit_usd__gte=0)
            ),
            models.CheckConstraint(name="run_spend_not_negative", condition=Q(spent_seconds__gte=0, spent_usd__gte=0)),
            models.CheckConstraint(name="run_reserved_usd_not_negative", condition=Q(reserved_usd__gte=0)),
            models.CheckConstraint(name="run_revision_bounded", condition=Q(revision__lte=F("max_revisions"))),
            models.UniqueConstraint(
                name="run_idempotency_key_unique_for_caller", fields=["started_by", "idempotency_key"]
            ),
            models.CheckConstraint(
                name="run_idempotency_key_has_caller_and_fingerprint",
                condition=Q(idempotency_key__isnull=True)
                | Q(started_by__isnull=False) & ~Q(idempotency_key="") & ~Q(request_fingerprint=""),
            ),
            models.CheckConstraint(
                name="run_checkpoints_pruned_to_a_bound",
                condition=Q(checkpoints_pruned_at__isnull=True, checkpoints_kept__isnull=True)
                | Q(checkpoints_pruned_at__isnull=False, checkpoints_kept__isnull=False, checkpoints_kept__gte=1),
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-created_at"], name="run_by_user"),
            models.Index(fields=["status", "-created_at"], name="run_by_status"),
            models.Index(fields=["-created_at"], name="run_newest"),
            models.Index(fields=["outcome", "-created_at"], name="run_by_outcome"),
            models.Index(fields=["journey", "-created_at"], name="run_by_journey"),
            models.Index(fields=["-created_at"], name="run_needs_person", condition=NEEDS_PERSON),
            # To be joined with their hand-offs: in run_needs_person there are many that have ended.
            models.Index(fields=["id"], name="run_that_waits", condition=Q(status="waiting_human")),
            GinIndex(SearchVector("title", config="simple"), name="run_title_words"),
            models.Index(
                fields=["cancel_requested_at"],
                name="run_to_cancel",
                condition=Q(cancel_requested_at__isnull=False, ended_at__isnull=True),
            ),
            models.Index(fields=["forked_from"], name="run_forks", condition=Q(forked_from__isnull=False)),
            # Of many that are done, those that a person may have to look at.
            models.Index(
                fields=["outcome", "-ended_at"],
                name="run_ended_early",
                condition=Q(outcome__in=["failed", "budget_exceeded"]),
            ),
            # Not partial: of partial indexes Postgres has no statistics. No column in them is one that commits change.
            models.Index(CHECKPOINTS_BOUND, name="run_checkpoints_to_prune"),
            models.Index(EPISODES_FROM, name="run_episodes_to_prune"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def ended(self) -> bool:
        return self.status in self.ENDED

    def save_progress(self) -> None:
        """What the engine moves. Tokens and usd are left out: the ledger adds to them in transactions of its own."""
        self.save(
            update_fields=[
                "status", "outcome", "reason", "route", "revision", "supersteps",
                "last_seq", "spent_seconds", "ended_at", "updated_at",
            ]
        )  # fmt: skip

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from autonomy.models.run import Run


class Job(models.Model):
    """A row of the queue. What runs is what a worker claims here; messages only hint."""

    class Kind(models.TextChoices):
        START = "start"
        CONTINUE = "continue"
        RESUME = "resume"

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    run = models.ForeignKey(Run, models.CASCADE, related_name="jobs")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", db_index=False, help_text="The run's owner."
    )
    kind = models.CharField(max_length=8, choices=Kind)
    state = models.CharField(max_length=9, choices=State, default=State.QUEUED)
    priority = models.PositiveSmallIntegerField(default=5, help_text="0 is most urgent, 9 least.")
    scheduled_at = models.DateTimeField(db_default=Now())
    attempt = models.PositiveSmallIntegerField(default=0, help_text="Claims so far.")
    max_attempts = models.PositiveSmallIntegerField()
    lease_token = models.UUIDField(null=True, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    worker = models.CharField(max_length=200, blank=True, default="")
    last_error = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "autonomy_job_queue"
        constraints = [
            models.CheckConstraint(name="job_kind_valid", condition=Q(kind__in=["start", "continue", "resume"])),
            models.CheckConstraint(
                name="job_state_valid",
                condition=Q(state__in=["queued", "running", "done", "failed", "cancelled"]),
            ),
            models.CheckConstraint(
                name="job_running_iff_leased",
                condition=Q(state="running", lease_token__isnull=False, lease_expires_at__isnull=False)
                | ~Q(state="running") & Q(lease_token__isnull=True, lease_expires_at__isnull=True),
            ),
            models.CheckConstraint(
                name="job_finished_iff_over",
                condition=Q(state__in=["done", "failed", "cancelled"], finished_at__isnull=False)
                | ~Q(state__in=["done", "failed", "cancelled"]) & Q(finished_at__isnull=True),
            ),
            models.CheckConstraint(name="job_attempts_bounded", condition=Q(attempt__lte=F("max_attempts"))),
            models.CheckConstraint(name="job_priority_in_0_to_9", condition=Q(priority__lte=9)),
            models.UniqueConstraint(name="job_one_running_per_run", fields=["run"], condition=Q(state="running")),
            models.UniqueConstraint(
                name="job_one_live_resume_per_run",
                fields=["run"],
                condition=Q(kind="resume", state__in=["queued", "running"]),
            ),
            models.UniqueConstraint(name="job_one_start_per_run", fields=["run"], condition=Q(kind="start")),
        ]
        indexes = [
            models.Index(fields=["state", "scheduled_at"], name="job_by_state"),
            models.Index(
                fields=["user", "priority", "scheduled_at", "id"], name="job_due_for_claim", condition=Q(state="queued")
            ),
            models.Index(fields=["lease_expires_at"], name="job_lease_expiring", condition=Q(state="running")),
        ]

    def __str__(self) -> str:
        return f"{self.kind} ({self.state})"

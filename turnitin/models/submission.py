from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import Q

from turnitin.models.cycle import Cycle
from turnitin.models.rule import Rule, changed


def report_path(submission: Submission, filename: str) -> str:
    return f"{submission.cycle.run_id}/{filename}"


class Submission(models.Model):
    """A cycle's document at Turnitin, through the Core API.

    The state says what is known to have been done there, and `due_at` when the next thing is to be done or looked at.
    Whoever does it holds a lease, as with a job.
    """

    class State(models.TextChoices):
        TO_CREATE = "to_create", "to be registered"
        TO_UPLOAD = "to_upload", "to be uploaded"
        PROCESSING = "processing", "being read"
        SCANNING = "scanning", "being compared"
        COMPLETE = "complete"
        FAILED = "failed"
        DROPPED = "dropped", "not needed any more"

    UNDER_WAY = (State.TO_CREATE, State.TO_UPLOAD, State.PROCESSING, State.SCANNING)

    cycle = models.OneToOneField(Cycle, models.CASCADE, related_name="submission")
    state = models.CharField(max_length=10, choices=State, default=State.TO_CREATE)
    turnitin_id = models.CharField(max_length=64, blank=True, default="", help_text="The submission's id at Turnitin.")
    due_at = models.DateTimeField(null=True, blank=True, help_text="When it has its next turn.")
    failures = models.PositiveIntegerField(default=0, help_text="Turns in a row that came to nothing.")
    trouble = models.TextField(blank=True, default="", help_text="What stands in the way, if anything.")
    similarity = models.FloatField(null=True, blank=True, help_text="The newest figure at Turnitin, a fraction.")
    lease_token = models.UUIDField(null=True, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(auto_now_add=True)
    uploaded_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    overdue_at = models.DateTimeField(null=True, blank=True, help_text="When the operator was told that it is late.")
    pdf_id = models.CharField(max_length=64, blank=True, default="", help_text="The report's PDF at Turnitin.")
    pdf = models.FileField(upload_to=report_path, blank=True)

    class Meta:
        db_table = "autonomy_turnitin_submissions"
        constraints = [
            models.CheckConstraint(
                name="submission_state_valid",
                condition=Q(
                    state__in=["to_create", "to_upload", "processing", "scanning", "complete", "failed", "dropped"]
                ),
            ),
            models.CheckConstraint(
                name="submission_has_id_once_created",
                condition=Q(state="to_create", turnitin_id="")
                | Q(state__in=["failed", "dropped"])
                | Q(state__in=["to_upload", "processing", "scanning", "complete"]) & ~Q(turnitin_id=""),
            ),
            models.CheckConstraint(
                name="submission_similarity_is_fraction",
                condition=Q(similarity__isnull=True) | Q(similarity__gte=0, similarity__lte=1),
            ),
            models.CheckConstraint(
                name="submission_complete_has_figure",
                condition=~Q(state="complete") | Q(similarity__isnull=False, completed_at__isnull=False),
            ),
            models.CheckConstraint(
                name="submission_lease_is_whole",
                condition=Q(lease_token=None, lease_expires_at=None)
                | Q(lease_token__isnull=False, lease_expires_at__isnull=False),
            ),
            models.CheckConstraint(
                name="submission_under_way_is_due",
                condition=Q(due_at__isnull=False) | Q(state__in=["complete", "failed", "dropped"]),
            ),
            models.UniqueConstraint(
                name="submission_turnitin_id_unique", fields=["turnitin_id"], condition=~Q(turnitin_id="")
            ),
        ]
        indexes = [models.Index(fields=["due_at"], name="submission_due", condition=Q(due_at__isnull=False))]
        triggers = [
            # A second id would be a second scan, and that is paid.
            Rule(
                name="submission_id_is_final",
                operation=pgtrigger.Update,
                condition=f"{changed('cycle_id')} OR OLD.turnitin_id <> '' AND {changed('turnitin_id')}",
                refusal="a cycle has one submission at Turnitin, and keeps it",
            ),
        ]

    def __str__(self) -> str:
        return f"submission of hand-off {self.cycle.number}"

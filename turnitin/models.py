from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from autonomy.models import Job, Run


def document_path(cycle: Cycle, filename: str) -> str:
    return f"{cycle.run_id}/{filename}"


class Cycle(models.Model):
    """One hand-off to Turnitin. Similarity is a fraction from 0 to 1; a person judges what it means."""

    class State(models.TextChoices):
        AWAITING_REPORT = "awaiting_report", "awaiting the report"
        REPORT_READY = "report_ready", "report ready"
        ACCEPTED = "accepted"
        REJECTED = "rejected"

    OPEN = (State.AWAITING_REPORT, State.REPORT_READY)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    run = models.ForeignKey(Run, models.CASCADE, related_name="cycles")
    number = models.PositiveSmallIntegerField(help_text="1 for the first hand-off of the run.")
    state = models.CharField(max_length=16, choices=State, default=State.AWAITING_REPORT)
    target_similarity = models.FloatField()
    observed_similarity = models.FloatField(null=True, blank=True)
    markdown = models.FileField(upload_to=document_path)
    docx = models.FileField(upload_to=document_path)
    resume_job = models.OneToOneField(Job, models.SET_NULL, null=True, blank=True, related_name="cycle")
    opened_at = models.DateTimeField(auto_now_add=True)
    report_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(
        null=True, blank=True, help_text="The run was cancelled before its report was judged."
    )

    class Meta:
        db_table = "autonomy_turnitin_cycles"
        permissions = [("deliver_report", "Can deliver an originality report")]
        constraints = [
            models.CheckConstraint(
                name="cycle_status_valid",
                condition=Q(state__in=["awaiting_report", "report_ready", "accepted", "rejected"]),
            ),
            models.CheckConstraint(
                name="cycle_target_is_fraction", condition=Q(target_similarity__gte=0, target_similarity__lte=1)
            ),
            models.CheckConstraint(
                name="cycle_similarity_is_fraction",
                condition=Q(observed_similarity__isnull=True)
                | Q(observed_similarity__gte=0, observed_similarity__lte=1),
            ),
            models.CheckConstraint(
                name="cycle_report_time_iff_report",
                condition=~Q(state__in=["report_ready", "accepted", "rejected"]) | Q(report_at__isnull=False),
            ),
            models.CheckConstraint(
                name="cycle_closed_iff_judged",
                condition=Q(
                    state__in=["accepted", "rejected"], observed_similarity__isnull=False, closed_at__isnull=False
                )
                | ~Q(state__in=["accepted", "rejected"]) & Q(closed_at__isnull=True),
            ),
            models.CheckConstraint(
                name="cycle_withdrawn_is_not_judged",
                condition=Q(withdrawn_at__isnull=True) | Q(state__in=["awaiting_report", "report_ready"]),
            ),
            models.UniqueConstraint(name="cycle_number_unique_in_run", fields=["run", "number"]),
            models.UniqueConstraint(
                name="cycle_one_open_per_run",
                fields=["run"],
                condition=Q(state__in=["awaiting_report", "report_ready"], withdrawn_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"hand-off {self.number}"


class Report(models.Model):
    """One delivery of an originality report: a row of the inbox. The unique index decides what is a duplicate."""

    cycle = models.ForeignKey(Cycle, models.CASCADE, related_name="reports")
    report_url = models.URLField(max_length=2000)
    observed_similarity = models.FloatField(null=True, blank=True)
    human_uploader_id = models.CharField(max_length=200, blank=True, default="")
    delivered_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    received_at = models.DateTimeField(auto_now_add=True)
    # What the delivery was answered with; the same delivery again gets the same answer.
    cycle_state = models.CharField(max_length=16, choices=Cycle.State, help_text="The cycle's state after it came.")
    too_late = models.BooleanField(default=False, help_text="It came when the cycle was judged, and changed nothing.")
    resume_job = models.ForeignKey(Job, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        db_table = "autonomy_turnitin_reports"
        constraints = [
            models.UniqueConstraint(
                name="report_delivered_once",
                fields=["cycle", "report_url", "observed_similarity"],
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="report_similarity_is_fraction",
                condition=Q(observed_similarity__isnull=True)
                | Q(observed_similarity__gte=0, observed_similarity__lte=1),
            ),
        ]

    def __str__(self) -> str:
        return f"report for {self.cycle_id}"

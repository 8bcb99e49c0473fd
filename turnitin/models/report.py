from __future__ import annotations

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q

from autonomy.models import Job
from turnitin.models.cycle import Cycle
from turnitin.models.rule import Rule, changed


class Report(models.Model):
    """One delivery of an originality report: a row of the inbox. The unique index decides what is a duplicate."""

    class Via(models.TextChoices):
        API = "api", "API"
        SIGNED = "signed", "signed call"
        CONSOLE = "console"
        COMMAND = "command"
        CORE_API = "core_api", "Core API"

    cycle = models.ForeignKey(Cycle, models.CASCADE, related_name="reports")
    report_url = models.URLField(max_length=2000)
    observed_similarity = models.FloatField(null=True, blank=True)
    top_matches = models.JSONField(
        default=list, blank=True, help_text="What matched most: [{name, similarity, source_type, words}]."
    )
    human_uploader_id = models.CharField(max_length=200, blank=True, default="")
    via = models.CharField(max_length=8, choices=Via, default=Via.API, help_text="How it came.")
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
            models.CheckConstraint(name="report_url_is_https", condition=Q(report_url__startswith="https://")),
            models.CheckConstraint(
                name="report_via_valid", condition=Q(via__in=["api", "signed", "console", "command", "core_api"])
            ),
            models.CheckConstraint(
                name="report_state_valid",
                condition=Q(cycle_state__in=["awaiting_report", "report_ready", "accepted", "rejected"]),
            ),
        ]
        triggers = [
            Rule(
                name="report_stays_as_it_came",
                operation=pgtrigger.Update,
                condition=changed("id", "cycle_id", "report_url", "observed_similarity", "top_matches"),
                refusal="a delivery is not changed afterwards; a correction is a delivery of its own",
            ),
        ]

    def __str__(self) -> str:
        return f"report of hand-off {self.cycle.number}"

from __future__ import annotations

import uuid

import pgtrigger
from django.db import models
from django.db.models import Q

from autonomy.models import Job, Run
from turnitin.models.rule import Rule, changed


def document_path(cycle: Cycle, filename: str) -> str:
    return f"{cycle.run_id}/{filename}"


class Cycle(models.Model):
    """One hand-off to Turnitin. Similarity is a fraction from 0 to 1; a person judges what it means.

    A CHECK says what a cycle may be, a Rule how it may come to be so.
    """

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
    report = models.OneToOneField(
        "turnitin.Report", models.RESTRICT, null=True, blank=True, related_name="+", help_text="The one that counts."
    )
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
                name="cycle_report_iff_ready",
                condition=Q(
                    state="awaiting_report", report=None, report_at=None, observed_similarity=None, resume_job=None
                )
                | ~Q(state="awaiting_report")
                & Q(report__isnull=False, report_at__isnull=False, observed_similarity__isnull=False),
            ),
            models.CheckConstraint(
                name="cycle_closed_iff_judged",
                condition=Q(state__in=["accepted", "rejected"], closed_at__isnull=False)
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
        indexes = [
            models.Index(fields=["-opened_at"], name="cycle_newest"),
            models.Index(fields=["state", "-opened_at"], name="cycle_newest_of_state"),
        ]
        triggers = [
            Rule(
                name="cycle_opens_awaiting",
                operation=pgtrigger.Insert,
                condition="NEW.state <> 'awaiting_report' OR NEW.withdrawn_at IS NOT NULL",
                refusal="a cycle begins by awaiting its report",
            ),
            Rule(
                name="cycle_keeps_its_document",
                operation=pgtrigger.Update,
                condition=changed("id", "run_id", "number", "target_similarity", "markdown", "docx"),
                refusal="what was handed off, and against which target, stays as it was",
            ),
            Rule(
                name="cycle_moves_forward",
                operation=pgtrigger.Update,
                condition="""OLD.state <> NEW.state
                    AND (OLD.state, NEW.state) NOT IN (('awaiting_report', 'report_ready'),
                                                       ('report_ready', 'accepted'), ('report_ready', 'rejected'))""",
                refusal="a cycle goes from awaiting_report to report_ready to accepted or rejected",
            ),
            # A job may be deleted, which leaves no trace of it here.
            Rule(
                name="cycle_ended_is_final",
                operation=pgtrigger.Update,
                condition=f"""(OLD.state IN ('accepted', 'rejected') OR OLD.withdrawn_at IS NOT NULL)
                    AND ({changed("state", "observed_similarity", "report_id")}
                         OR {changed("report_at", "closed_at", "withdrawn_at")}
                         OR NEW.resume_job_id IS NOT NULL AND {changed("resume_job_id")})""",
                refusal="a cycle that is judged or withdrawn changes no more",
            ),
            Rule(
                name="cycle_figure_is_its_reports",
                operation=pgtrigger.Insert | pgtrigger.Update,
                condition="""NEW.report_id IS NOT NULL AND NOT EXISTS (
                    SELECT FROM autonomy_turnitin_reports r WHERE r.id = NEW.report_id AND r.cycle_id = NEW.id
                    AND r.observed_similarity = NEW.observed_similarity)""",
                refusal="the figure of a cycle is that of a report which was delivered for it",
            ),
            Rule(
                name="cycle_resumes_by_its_run",
                operation=pgtrigger.Insert | pgtrigger.Update,
                condition="""NEW.resume_job_id IS NOT NULL AND NOT EXISTS (
                    SELECT FROM autonomy_job_queue j
                    WHERE j.id = NEW.resume_job_id AND j.run_id = NEW.run_id AND j.kind = 'resume')""",
                refusal="the job of a cycle is a resume job of its run",
            ),
        ]

    def __str__(self) -> str:
        return f"hand-off {self.number}"

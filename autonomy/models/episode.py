from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from autonomy.models.run import Run


class Episode(models.Model):
    """What happened and why: numbered 1, 2, 3 … within its run, never changed afterwards."""

    run = models.ForeignKey(Run, models.CASCADE, db_index=False, related_name="episodes")
    seq = models.PositiveIntegerField(help_text="Gapless within the run; the event id of the stream.")
    kind = models.CharField(max_length=40)
    node = models.CharField(max_length=32, blank=True, default="")
    attempt = models.PositiveSmallIntegerField(default=0)
    message = models.TextField()
    data = models.JSONField(default=dict)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "autonomy_episodic_logs"
        constraints = [
            models.UniqueConstraint(name="episode_seq_unique_in_run", fields=["run", "seq"]),
            models.CheckConstraint(name="episode_seq_from_one", condition=Q(seq__gte=1)),
        ]
        indexes = [
            models.Index(fields=["run", "-created_at"], name="episode_newest_of_run"),
            models.Index(fields=["actor"], name="episode_by_actor", condition=Q(actor__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.kind}"

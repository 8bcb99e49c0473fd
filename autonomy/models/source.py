from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.db.models import Q

from autonomy.models.run import Run


class Source(models.Model):
    """Something the draft may cite. The citation key is unique within the run."""

    class Status(models.TextChoices):
        PENDING = "pending", "not read yet"
        READ = "read"
        SKIPPED = "skipped", "could not be read"

    run = models.ForeignKey(Run, models.CASCADE, db_index=False, related_name="sources")
    key = models.CharField(max_length=64, help_text="The citation key, as in [@key].")
    title = models.CharField(max_length=500)
    filename = models.CharField(max_length=300)
    origin = models.CharField(max_length=16, help_text="Where it came from: inline, upload or search.")
    original = models.BinaryField(help_text="The bytes as they were given.")
    sha256 = models.CharField(max_length=64)
    status = models.CharField(max_length=8, choices=Status, default=Status.PENDING)
    skipped_reason = models.TextField(blank=True, default="")
    media_type = models.CharField(max_length=120, blank=True, default="")
    headings = models.JSONField(default=list)
    csl = models.JSONField(default=dict, help_text="CSL-JSON metadata.")
    words = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "autonomy_sources"
        constraints = [
            models.UniqueConstraint(name="source_key_unique_in_run", fields=["run", "key"]),
            models.UniqueConstraint(name="source_content_unique_in_run", fields=["run", "sha256"]),
            models.CheckConstraint(name="source_status_valid", condition=Q(status__in=["pending", "read", "skipped"])),
            models.CheckConstraint(name="source_origin_valid", condition=Q(origin__in=["inline", "upload", "search"])),
            models.CheckConstraint(
                name="source_skipped_iff_reason",
                condition=Q(status="skipped") & ~Q(skipped_reason="") | ~Q(status="skipped") & Q(skipped_reason=""),
            ),
        ]

    def __str__(self) -> str:
        return f"[@{self.key}] {self.title}"


class Passage(models.Model):
    """A stretch of a source's text, indexed for Postgres full-text search."""

    run = models.ForeignKey(Run, models.CASCADE, db_index=False, related_name="passages")
    source = models.ForeignKey(Source, models.CASCADE, db_index=False, related_name="passages")
    position = models.PositiveIntegerField()
    text = models.TextField()
    search = models.GeneratedField(
        expression=SearchVector("text", config="english"), output_field=SearchVectorField(), db_persist=True
    )

    class Meta:
        db_table = "autonomy_passages"
        constraints = [models.UniqueConstraint(name="passage_position_unique_in_source", fields=["source", "position"])]
        indexes = [
            GinIndex(fields=["search"], name="passage_full_text"),
            models.Index(fields=["run"], name="passage_of_run"),
        ]

    def __str__(self) -> str:
        return f"{self.source_id}#{self.position}"

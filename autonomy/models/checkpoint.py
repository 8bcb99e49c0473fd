"""LangGraph's checkpoints on our own tables. checkpoints/sql.py holds the statements that mirror these columns."""

from __future__ import annotations

from django.db import models

from autonomy.models.run import Run


class Checkpoint(models.Model):
    """The saved graph state after a superstep. Values that did not change are shared through the blobs."""

    run = models.ForeignKey(Run, models.CASCADE, db_index=False, related_name="checkpoints")
    namespace = models.CharField(max_length=200, blank=True, default="")
    checkpoint_id = models.CharField(max_length=64)
    parent_checkpoint_id = models.CharField(max_length=64, null=True, blank=True)
    checkpoint = models.JSONField(help_text="LangGraph's checkpoint without the channel values kept as blobs.")
    metadata = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "autonomy_checkpoints"
        constraints = [
            models.UniqueConstraint(name="checkpoint_unique_in_run", fields=["run", "namespace", "checkpoint_id"])
        ]
        indexes = [models.Index(fields=["run"], name="checkpoint_by_run")]

    def __str__(self) -> str:
        return f"{self.checkpoint_id} of {self.run_id}"


class CheckpointBlob(models.Model):
    """One version of one channel's value; stored once however many checkpoints share it."""

    run = models.ForeignKey(Run, models.CASCADE, db_index=False, related_name="checkpoint_blobs")
    namespace = models.CharField(max_length=200, blank=True, default="")
    channel = models.CharField(max_length=200)
    version = models.CharField(max_length=64)
    type = models.CharField(max_length=32)
    blob = models.BinaryField(null=True)

    class Meta:
        db_table = "autonomy_checkpoint_blobs"
        constraints = [
            models.UniqueConstraint(name="checkpoint_blob_unique", fields=["run", "namespace", "channel", "version"])
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.version}"


class CheckpointWrite(models.Model):
    """What a task wrote after a checkpoint and before the next: an interrupt, or a finished sibling's result."""

    run = models.ForeignKey(Run, models.CASCADE, db_index=False, related_name="checkpoint_writes")
    namespace = models.CharField(max_length=200, blank=True, default="")
    checkpoint_id = models.CharField(max_length=64)
    task_id = models.CharField(max_length=64)
    task_path = models.CharField(max_length=300, blank=True, default="")
    idx = models.IntegerField()
    channel = models.CharField(max_length=200)
    type = models.CharField(max_length=32)
    blob = models.BinaryField()

    class Meta:
        db_table = "autonomy_checkpoint_writes"
        constraints = [
            models.UniqueConstraint(
                name="checkpoint_write_unique",
                fields=["run", "namespace", "checkpoint_id", "task_id", "idx"],
            )
        ]

    def __str__(self) -> str:
        return f"{self.channel} after {self.checkpoint_id}"

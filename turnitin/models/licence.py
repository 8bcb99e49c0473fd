from __future__ import annotations

from django.db import models


class Licence(models.Model):
    """A version of Turnitin's end-user licence that the operator has accepted for this installation.

    Turnitin refuses submissions whose owner has not accepted the newest one.
    """

    version = models.CharField(max_length=64, unique=True)
    language = models.CharField(max_length=16, default="en-US")
    accepted_by = models.CharField(max_length=200, help_text="Who accepted it, in words of their own.")
    accepted_at = models.DateTimeField()

    class Meta:
        db_table = "autonomy_turnitin_licences"

    def __str__(self) -> str:
        return self.version

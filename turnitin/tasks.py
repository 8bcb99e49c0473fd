"""The Celery task of the Core API mode: thin, as autonomy's own."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings

from turnitin.core_api import worker

TURNS_SECONDS = 20.0  # then other messages have their turn


@shared_task
def advance() -> None:
    """Do what is due at Turnitin. Any number of beats may send this: the claim sees to it that it is done once."""
    if settings.ENV.turnitin_mode == "core_api":
        worker.work(TURNS_SECONDS)

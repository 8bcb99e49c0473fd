"""A few runs by the engine itself, with the offline model: their states, drafts and cycles are what real ones are."""

from __future__ import annotations

from pathlib import Path

from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, transaction

from autonomy import demo
from autonomy.checkpoints import upkeep
from autonomy.models import Run
from autonomy.runtime import queue, step
from autonomy.services.start_run import GivenSource, start_run
from turnitin.models import Cycle

REAL = 3
SOURCES = Path(demo.__file__).with_name("sources")


def make() -> list[Run]:
    """Runs that wait for their report. To be made while the queue is empty but for them."""
    owner, _ = User.objects.get_or_create(username="bench-author")
    sources = [GivenSource(path.name, path.read_bytes()) for path in sorted(SOURCES.iterdir()) if path.is_file()]
    spec = {"topic": "How coastal cities adapt to rising seas", "words": 2500}
    runs = [start_run(owner=owner, journey="report", task_spec=spec, sources=sources)[0] for _ in range(REAL)]
    while claim := queue.claim():
        step.execute(claim)
    for run in runs:
        run.refresh_from_db()
        if run.status != Run.Status.WAITING_HUMAN:
            raise SystemExit(f"A run of the engine's own is {run.status}: {run.reason}")
    return runs


def lend(original: Run, *, to: list[str]) -> None:
    """The states and the documents of a real run for some of the runs that were made by SQL."""
    document = Cycle.objects.get(run=original)
    contents = {ending: getattr(document, ending).read() for ending in ("markdown", "docx")}
    for run_id in to:
        with transaction.atomic(), connection.cursor() as cursor:
            upkeep.copy(cursor, str(original.pk), run_id)
        for cycle in Cycle.objects.filter(run__pk=run_id):
            for ending, content in contents.items():
                default_storage.save(getattr(cycle, ending).name, ContentFile(content))

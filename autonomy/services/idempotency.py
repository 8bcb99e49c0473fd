"""One request, one run: what an Idempotency-Key promises to whoever starts runs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

from autonomy.errors import IdempotencyMismatch, InvalidInput
from autonomy.models import Job, Run, Source

MAX_CHARS = 255


def check_key(key: str) -> None:
    """Raises InvalidInput unless the key is 1 to 255 printable ASCII characters."""
    if not (1 <= len(key) <= MAX_CHARS and key.isascii() and key.isprintable()):
        hint = f"Give 1 to {MAX_CHARS} printable ASCII characters, such as a UUID."
        raise InvalidInput("The Idempotency-Key does not fit.", fields={"Idempotency-Key": [hint]})


def fingerprint(
    *,
    owner: User,
    journey: str,
    task_spec: dict[str, Any],
    priority: int,
    scheduled_at: datetime | None,
    sources: Sequence[Source],
    doubles: Sequence[str],
) -> str:
    """Of everything that was asked for; the same for the same request, whatever its spelling as JSON or as a form."""
    asked = {
        "owner": owner.pk,
        "journey": journey,
        "task_spec": task_spec,
        "priority": priority,
        "scheduled_at": scheduled_at.timestamp() if scheduled_at else None,
        "sources": [(one.filename, one.title, one.sha256) for one in sources],
        "doubles": list(doubles),
    }
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def earlier(caller: User, key: str, asked: str) -> tuple[Run, Job] | None:
    """The run this caller started with this key, and its first job. Raises IdempotencyMismatch: it is of another
    request than `asked`, a fingerprint.
    """
    run = Run.objects.filter(started_by=caller, idempotency_key=key).first()
    if run is None:
        return None
    if run.request_fingerprint != asked:
        raise IdempotencyMismatch(run_id=str(run.pk))
    return run, Job.objects.get(run=run, kind=Job.Kind.START)

"""Starting a run: the row, its sources, the first checkpoint, the first job and the first episode, at once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import PurePath
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.template.defaultfilters import filesizeformat
from django.utils.text import get_text_list

from autonomy.episodes.kinds import Kind
from autonomy.episodes.record import NewEpisode, append
from autonomy.errors import InvalidInput
from autonomy.journeys.journey import Journey, TaskSpec
from autonomy.journeys.registry import journey_named, validated
from autonomy.models import Job, Run, Source
from autonomy.providers.configured import model_names
from autonomy.runtime import queue
from autonomy.runtime.seeding import seed
from autonomy.services.idempotency import check_key, earlier, fingerprint
from autonomy.services.schedule_run import due
from autonomy.text.citation_key import citation_key


@dataclass(frozen=True)
class GivenSource:
    """A source as it was handed in: a file name (its ending tells the type) and bytes."""

    filename: str
    data: bytes
    title: str = ""
    origin: str = "upload"


def start_run(
    *,
    owner: User,
    journey: str,
    task_spec: dict[str, Any],
    sources: Sequence[GivenSource],
    actor: User | None = None,
    priority: int = 5,
    scheduled_at: datetime | None = None,
    idempotency_key: str | None = None,
    run_id: UUID | None = None,
) -> tuple[Run, Job]:
    """Start a run, in one transaction. Raises InvalidInput or UnknownJourney, with nothing written.

    It begins at `scheduled_at`, or at once. With an idempotency key the same request by the same actor is the same
    run, and another request raises IdempotencyMismatch. `run_id` is what a new run is called; one that was there
    already comes back with its own.
    """
    chosen = journey_named(journey)
    spec = validated(chosen, task_spec)
    check_search(spec)
    check_model(spec)
    rows, doubles = _source_rows(sources, may_be_none=spec.web_search)
    later = due(scheduled_at, "scheduled_at") if scheduled_at else None
    caller = actor or owner
    run = Run(
        id=run_id or uuid4(),
        user=owner,
        journey=chosen.name,
        title=(spec.title or spec.topic)[:300],
        task_spec=spec.model_dump(mode="json"),
        started_by=caller,
        priority=priority,
        **limits_of(chosen, spec),
    )
    if idempotency_key is None:
        return run, _write(run, rows, doubles, later)
    check_key(idempotency_key)
    run.idempotency_key = idempotency_key
    run.request_fingerprint = fingerprint(
        owner=owner,
        journey=run.journey,
        task_spec=run.task_spec,
        priority=priority,
        scheduled_at=scheduled_at,
        sources=rows,
        doubles=doubles,
    )
    if there := earlier(caller, idempotency_key, run.request_fingerprint):
        return there
    try:
        return run, _write(run, rows, doubles, later)
    except IntegrityError:
        # Somebody was quicker with the same key: the unique index let one of us in.
        if there := earlier(caller, idempotency_key, run.request_fingerprint):
            return there
        raise


def _write(run: Run, rows: list[Source], doubles: list[str], later: datetime | None) -> Job:
    with transaction.atomic():
        data: dict[str, Any] = {"journey": run.journey, "sources": len(rows), "doubles": doubles}
        if later:
            data["scheduled_at"] = later.isoformat()
        append(run, [NewEpisode(Kind.RUN_QUEUED, _told(rows, doubles, later), data, actor_id=run.started_by_id)])
        run.save(force_insert=True)  # with its first episode counted; keys are checked at the commit
        for row in rows:
            row.run = run
        Source.objects.bulk_create(rows, batch_size=1)  # the bytes of many in one statement would be too much
        seed(
            run.pk,
            {
                "run_id": str(run.pk),
                "user_id": str(run.user_id),
                "journey": run.journey,
                "task": run.task_spec,
                "route": "plan",
                "revision": 0,
                "budgets": budgets_of(run),
            },
            is_new=True,
        )
        return queue.enqueue_start(run.pk, run.user_id, run.journey, run.priority, scheduled_at=later)


def budgets_of(run: Run) -> dict[str, Any]:
    """The run's limits as the graph state holds them."""
    return {"tokens": run.limit_tokens, "seconds": run.limit_seconds, "usd": float(run.limit_usd)}


def limits_of(journey: Journey, spec: TaskSpec) -> dict[str, Any]:
    """The run's columns for what the spec says, or leaves to the journey and the settings."""
    env, limits = settings.ENV, default_limits(journey) | spec.limits.model_dump(exclude_none=True)
    return {
        "target_similarity": (
            env.turnitin_target_similarity if spec.target_similarity is None else spec.target_similarity
        ),
        "max_revisions": env.autonomy_max_revisions if spec.max_revisions is None else spec.max_revisions,
        "limit_tokens": limits["tokens"],
        "limit_seconds": limits["seconds"],
        "limit_usd": Decimal(str(limits["usd"])),
    }


def default_limits(journey: Journey) -> dict[str, Any]:
    """`{tokens, seconds, usd}` of a run of this journey that asks for none."""
    defaults = settings.ENV.v2_budget_defaults
    general = defaults.model_dump(exclude={"journeys"})
    return general | journey.limits.model_dump(exclude_none=True) | defaults.said_for(journey.name)


def _told(rows: list[Source], doubles: list[str], later: datetime | None) -> str:
    begins = f", to begin at {later:%Y-%m-%d %H:%M:%S} UTC" if later else ""
    told = f"The run is queued with {len(rows)} source{'s' if len(rows) != 1 else ''}{begins}."
    if doubles:
        named = ", ".join(doubles[:5]) + (" …" if len(doubles) > 5 else "")
        told += f" {len(doubles)} with the same content as another are left out: {named}"
    return told


def check_search(spec: TaskSpec, where: str = "task_spec") -> None:
    """Raises InvalidInput where the spec asks for a web search and no search service is configured."""
    if spec.web_search and not settings.ENV.autonomy_search:
        hint = "No search service is configured here: leave web_search out, or have AUTONOMY_SEARCH name one."
        raise InvalidInput(hint, fields={f"{where}.web_search": [hint]})


def check_model(spec: TaskSpec, where: str = "task_spec") -> None:
    """Raises InvalidInput where the spec names a language model that is not configured."""
    names = model_names()
    if spec.model is not None and spec.model not in names:
        hint = f"No language model of that name is configured here; there is {get_text_list(names, 'and')}."
        raise InvalidInput(hint, fields={f"{where}.model": [hint]})


def _source_rows(given: Sequence[GivenSource], *, may_be_none: bool) -> tuple[list[Source], list[str]]:
    """Rows for the sources, and the names of doubles. Raises InvalidInput: none given, too many, or one too big."""
    env = settings.ENV
    if not given and not may_be_none:
        raise InvalidInput(
            "A run needs at least one source: give task_spec.sources as {title, text} objects, or upload files; or set "
            "task_spec.web_search, to have some looked for.",
            fields={"sources": ["At least one source is needed."]},
        )
    if len(given) > env.autonomy_upload_max_files:
        raise InvalidInput(
            f"A run takes at most {env.autonomy_upload_max_files} sources.", fields={"sources": ["Too many."]}
        )
    rows: dict[str, Source] = {}
    doubles: list[str] = []
    keys: set[str] = set()
    for one in given:
        if len(one.data) > env.autonomy_upload_max_bytes:
            raise InvalidInput(
                f"{one.filename} is larger than {filesizeformat(env.autonomy_upload_max_bytes)}.",
                fields={"sources": [f"{one.filename} is too large."]},
            )
        digest = hashlib.sha256(one.data).hexdigest()
        if digest in rows:
            doubles.append(PurePath(one.filename).name[-300:])
            continue
        filename = PurePath(one.filename.replace("\0", "").replace("\\", "/")).name[-300:] or "source.txt"
        title = (one.title or PurePath(filename).stem).replace("\0", "")[:500]
        rows[digest] = Source(
            key=citation_key(title, keys),
            title=title,
            filename=filename,
            origin=one.origin,
            original=one.data,
            sha256=digest,
        )
    return list(rows.values()), doubles

"""Writing episodes. Their numbers are gapless because they are taken under the run's row lock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction

from autonomy.episodes.kinds import Kind
from autonomy.episodes.storage import channel_of, payload_of
from autonomy.errors import LeaseLost
from autonomy.models import Episode, Job, Run

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class NewEpisode:
    kind: str
    message: str
    data: dict[str, Any] = field(default_factory=dict)
    node: str = ""
    attempt: int = 0
    actor_id: int | None = None

    def __post_init__(self) -> None:
        Kind(self.kind)


def append(run: Run, new: Sequence[NewEpisode]) -> list[Episode]:
    """Add episodes to a run whose row the caller has locked; published once the transaction commits.

    Sets `run.last_seq`; the caller saves the run.
    """
    written = Episode.objects.bulk_create(
        Episode(
            run=run,
            seq=run.last_seq + offset,
            kind=one.kind,
            node=one.node,
            attempt=one.attempt,
            message=one.message,
            data=one.data,
            actor_id=one.actor_id,
        )
        for offset, one in enumerate(new, start=1)
    )
    run.last_seq += len(written)
    transaction.on_commit(lambda: publish(written))
    return written


def lock(run_id: UUID | str) -> Run:
    """The run with its row locked. Everybody locks the run before its jobs, so nobody waits in a circle."""
    return Run.objects.select_for_update(no_key=True).get(pk=run_id)


def append_now(run_id: UUID | str, new: NewEpisode, *, lease_token: UUID | None = None) -> Episode:
    """Add one episode in a short transaction of its own.

    With a lease token it is written only while that lease stands; otherwise LeaseLost is raised.
    """
    with transaction.atomic():
        run = lock(run_id)
        if lease_token and not Job.objects.filter(run=run, lease_token=lease_token).exists():
            raise LeaseLost(run_id=str(run_id))
        (written,) = append(run, [new])
        run.save(update_fields=["last_seq"])
    return written


def publish(episodes: Sequence[Episode]) -> None:
    """Wake the open streams, once a commit: a stream reads the log itself, so a lost message loses nothing."""
    from django_eventstream import send_event

    try:
        for newest in episodes[-1:]:
            send_event(channel_of(newest.run_id), newest.kind, payload_of(newest))
    except Exception as error:  # noqa: BLE001 - Redis away must not fail work that is already committed
        log.warning("episode_hint_lost", error=type(error).__name__)

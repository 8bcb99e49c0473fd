"""Writing episodes. Their numbers are gapless because they are taken under the run's row lock."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction

from autonomy.episodes.kinds import Kind
from autonomy.episodes.storage import channel_of
from autonomy.errors import LeaseLost
from autonomy.models import Episode, Run, statements

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
    if new:
        transaction.on_commit(lambda: publish(run.pk, new[-1].kind, written[-1].seq))
    return written


def lock(run_id: UUID | str) -> Run:
    """The run with its row locked. Everybody locks the run before its jobs, so nobody waits in a circle."""
    return Run.objects.select_for_update(no_key=True).get(pk=run_id)


def lock_unless_held(run_id: UUID | str) -> Run | None:
    """As `lock`, but None at once when somebody else has the row."""
    return Run.objects.select_for_update(no_key=True, skip_locked=True).filter(pk=run_id).first()


def as_json(new: Sequence[NewEpisode]) -> str:
    """The episodes in the form of the statements that write them (models/statements.py)."""
    return json.dumps([{"place": place, **vars(one)} for place, one in enumerate(new, start=1)])


def append_leased(run_id: UUID, job_id: int, token: UUID, new: NewEpisode) -> None:
    """Add one episode at once, while the job's lease stands; otherwise LeaseLost is raised."""
    parameters = {"run": run_id, "job": job_id, "token": token, "episodes": as_json([new])}
    rows = statements.execute(statements.APPEND, parameters)
    if not rows:
        raise LeaseLost(run_id=str(run_id), job_id=job_id)
    publish(run_id, new.kind, rows[0][0])


def publish(run_id: UUID, kind: str, seq: int) -> None:
    """Wake the open streams, once a commit: a stream reads the log itself, so a lost message loses nothing."""
    from django_eventstream import send_event

    try:
        send_event(channel_of(run_id), kind, {"seq": seq})
    except Exception as error:  # noqa: BLE001 - Redis away must not fail work that is already committed
        log.warning("episode_hint_lost", error=type(error).__name__)

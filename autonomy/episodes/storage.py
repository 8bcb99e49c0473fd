"""django-eventstream's storage, on the episodic log itself: what is streamed is what is stored."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django_eventstream.event import Event
from django_eventstream.storage import StorageBase

from autonomy.models import Episode, Run

_PREFIX = "run-"


def channel_of(run_id: UUID | str) -> str:
    return f"{_PREFIX}{run_id}"


def run_id_of(channel: str) -> UUID:
    """The run a channel belongs to. Raises ValueError if it is no channel of ours."""
    if not channel.startswith(_PREFIX):
        raise ValueError(f"{channel} is not the channel of a run")
    return UUID(channel.removeprefix(_PREFIX))


def payload_of(episode: Episode) -> dict[str, Any]:
    return {
        "seq": episode.seq,
        "kind": episode.kind,
        "node": episode.node,
        "attempt": episode.attempt,
        "message": episode.message,
        "data": episode.data,
        "at": episode.created_at.isoformat(),
    }


class EpisodeStorage(StorageBase):  # type: ignore[misc]
    def append_event(self, channel: str, event_type: str, data: str) -> Event:
        """The episode is in the log already, written by the step; only its number is asked for here."""
        return Event(channel, event_type, data, id=json.loads(data)["seq"])

    def get_events(self, channel: str, last_id: int, limit: int = 100) -> list[Event]:
        episodes = Episode.objects.filter(run_id=run_id_of(channel), seq__gt=last_id).order_by("seq")[:limit]
        return [Event(channel, e.kind, json.dumps(payload_of(e), ensure_ascii=False), id=e.seq) for e in episodes]

    def get_current_id(self, channel: str) -> int:
        return Run.objects.filter(pk=run_id_of(channel)).values_list("last_seq", flat=True).first() or 0

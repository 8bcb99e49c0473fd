"""The live stream of a run's episodes, from any number on, until the run has ended.

django-eventstream brings the channels, the permission check, the Redis fan-out and the wire format. Its own loop
starts at *now*, never ends and stays silent for ever once its Redis connection broke, so the loop is ours: a
message only wakes it, and what is sent is always read from the log.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import structlog
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection
from django_eventstream.eventrequest import EventRequest
from django_eventstream.eventstream import EventPermissionError, get_events
from django_eventstream.utils import sse_encode_event
from django_eventstream.views import Listener, RedisListener, get_listener_manager
from redis.asyncio import Redis

from autonomy.episodes.storage import channel_of
from autonomy.models import Run

log = structlog.get_logger(__name__)

# A wake-up can be lost with Redis; the log is then read this often.
POLL_SECONDS = 2.0
_subscriptions: dict[int, asyncio.Task[None]] = {}


async def episodes(run_id: UUID, user: Any, after: int) -> AsyncIterator[str]:
    """Server-sent events with `id:` = seq, `event:` = kind; a last event `end`. Comments serve as heartbeat.

    It also ends when the run is gone, or the user may not see it any more.
    """
    request = EventRequest()
    request.channels = {channel_of(run_id)}
    request.channel_last_ids = {channel_of(run_id): after}
    request.user = user
    request.is_next = False
    listener = Listener()
    listener.user_id = user.pk
    listener.channels = request.channels
    listener.assign_loop()
    _keep_subscribed()
    get_listener_manager().add_listener(listener)
    try:
        yield ": stream of run " + str(run_id) + "\n\n"
        async for chunk in _follow(run_id, request, listener):
            yield chunk
    finally:
        get_listener_manager().remove_listener(listener)


async def _follow(run_id: UUID, request: Any, listener: Any) -> AsyncIterator[str]:
    channel = channel_of(run_id)
    heartbeat = settings.ENV.autonomy_sse_heartbeat_seconds
    pause = min(POLL_SECONDS, heartbeat)
    silent = 0.0
    while True:
        listener.aevent.clear()
        listener.channel_items = {}
        run, items = await sync_to_async(_read)(run_id, request)
        if run is None:
            return
        for item in items:
            request.channel_last_ids[channel] = item.id
            yield sse_encode_event(item.type, item.data, event_id=item.id)
        if items:
            silent = 0.0
            continue
        if run.ended and request.channel_last_ids[channel] >= run.last_seq:
            yield sse_encode_event("end", json.dumps({"status": run.status, "outcome": run.outcome}))
            return
        try:
            await asyncio.wait_for(listener.aevent.wait(), pause)
        except TimeoutError:
            silent += pause
        if silent >= heartbeat:
            silent = 0.0
            yield ": heartbeat\n\n"


def _read(run_id: UUID, request: Any) -> tuple[Run | None, list[Any]]:
    """The run and its next episodes. The connection goes back at once: a stream lives long and mostly waits."""
    try:
        # The status first: an end that is seen here has all its episodes in the read that follows.
        run = Run.objects.only("status", "outcome", "last_seq").filter(pk=run_id).first()
        return run, get_events(request).channel_items[channel_of(run_id)] if run else []
    except EventPermissionError:
        return None, []
    finally:
        connection.close()


class Subscription(RedisListener):  # type: ignore[misc]
    """The library's listener, without a time-out: between two messages hours may pass."""

    def __init__(self) -> None:
        self.redis_client = Redis(**settings.EVENTSTREAM_REDIS | {"socket_timeout": None, "retry": None})
        self.pubsub = self.redis_client.pubsub()


def _keep_subscribed() -> None:
    """One Redis subscription an event loop, started anew when its connection breaks (the library never does)."""
    manager = get_listener_manager()
    manager.redis_listener_started = True  # keeps the library from starting its own, unsupervised
    loop = asyncio.get_running_loop()
    task = _subscriptions.get(id(loop))
    if task is None or task.done():
        _subscriptions[id(loop)] = loop.create_task(_subscribe())


async def _subscribe() -> None:
    while True:
        listener = Subscription()
        try:
            await listener.listen()
        except Exception as error:  # noqa: BLE001 - whatever broke, the answer is to connect again
            log.warning("event_subscription_lost", error=type(error).__name__)
        finally:
            await listener.redis_client.aclose()
        await asyncio.sleep(1)

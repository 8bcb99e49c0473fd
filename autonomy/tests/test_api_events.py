from __future__ import annotations

import asyncio
import json

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient
from rest_framework.authtoken.models import Token

from autonomy.episodes import stream
from autonomy.models import Run
from autonomy.tests.factories import RunFactory, UserFactory, tell

pytestmark = pytest.mark.django_db(transaction=True)


def run_async(coroutine):
    """One event loop a test, as a server has; connections of its threads are closed with it."""
    from django.db import connections

    async def closing():
        try:
            return await asyncio.wait_for(coroutine, 30)
        finally:
            for task in stream._subscriptions.values():
                task.cancel()
            await asyncio.gather(*stream._subscriptions.values(), return_exceptions=True)
            stream._subscriptions.clear()
            await sync_to_async(connections.close_all)()

    return asyncio.run(closing())


def say(run, number):
    tell(run, f"episode {number}", number=number)


def finish(run):
    from django.utils import timezone

    Run.objects.filter(pk=run.pk).update(status="done", outcome="accepted", ended_at=timezone.now(), route="END")


async def open_stream(run, user=None, **headers):
    user = user or run.user
    token = (await Token.objects.aget_or_create(user=user))[0]
    return await AsyncClient().get(
        f"/api/v2/runs/{run.pk}/events", headers={"authorization": f"Token {token.key}", **headers}
    )


async def events_of(response, count=None):
    """Parsed events, until `count` of them have come or the stream ends."""
    events = []
    async for chunk in response.streaming_content:
        for block in chunk.decode().split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and line[0] != ":")
            if fields:
                events.append(fields)
        if count and len(events) >= count:
            break
    return events


def test_two_episodes_that_are_written_while_somebody_listens_are_both_streamed_with_their_number():
    run = RunFactory()

    async def listen():
        response = await open_stream(run)
        reading = asyncio.create_task(events_of(response, count=2))
        await asyncio.sleep(0.2)
        for number in (1, 2):
            await sync_to_async(say)(run, number)
        return response, await reading

    response, events = run_async(listen())
    assert response["Content-Type"] == "text/event-stream"
    assert [(e["id"], e["event"]) for e in events] == [("1", "progress"), ("2", "progress")]
    assert [json.loads(e["data"])["message"] for e in events] == ["episode 1", "episode 2"]


def test_the_stream_begins_with_the_first_episode_and_ends_when_the_run_has_ended():
    run = RunFactory()
    for number in range(1, 151):
        say(run, number)
    finish(run)

    async def listen():
        return await events_of(await open_stream(run))

    events = run_async(listen())
    assert [e.get("id") for e in events] == [*map(str, range(1, 151)), None]
    assert (events[-1]["event"], json.loads(events[-1]["data"])["outcome"]) == ("end", "accepted")


def test_last_event_id_resumes_after_that_episode():
    run = RunFactory()
    for number in (1, 2, 3):
        say(run, number)
    finish(run)

    async def listen():
        return await events_of(await open_stream(run, **{"last-event-id": "2"}))

    assert [e.get("id") for e in run_async(listen())] == ["3", None]


def test_a_client_that_comes_back_after_the_end_is_told_to_stay_away():
    run = RunFactory()
    say(run, 1)
    finish(run)

    async def come_back():
        return (await open_stream(run, **{"last-event-id": "1"})).status_code

    assert run_async(come_back()) == 204


def test_a_message_that_redis_lost_is_read_from_the_log(monkeypatch):
    monkeypatch.setattr(stream, "POLL_SECONDS", 0.2)
    monkeypatch.setattr("autonomy.episodes.record.publish", lambda *newest: None)
    run = RunFactory()

    async def listen():
        reading = asyncio.create_task(events_of(await open_stream(run), count=1))
        await asyncio.sleep(0.3)
        await sync_to_async(say)(run, 1)
        return await reading

    assert [e["id"] for e in run_async(listen())] == ["1"]


def test_a_quiet_stream_sends_a_heartbeat(monkeypatch, settings):
    monkeypatch.setattr(stream, "POLL_SECONDS", 0.05)
    settings.ENV = settings.ENV.model_copy(update={"autonomy_sse_heartbeat_seconds": 0.1})
    run = RunFactory()

    async def listen():
        async for chunk in (await open_stream(run)).streaming_content:
            if b"heartbeat" in chunk:
                return chunk.decode()
        return None

    assert run_async(listen()) == ": heartbeat\n\n"


def test_somebody_else_s_stream_cannot_be_opened():
    run = RunFactory()
    stranger = UserFactory()

    async def status():
        return (await open_stream(run, user=stranger)).status_code

    assert run_async(status()) == 404


@pytest.mark.parametrize("given", ["two", "-1", "1e3", "9999999999"])
def test_a_last_event_id_that_is_no_number_is_refused(given):
    run = RunFactory()

    async def status():
        response = await open_stream(run, **{"last-event-id": given})
        return response.status_code, json.loads(response.content)["code"]

    assert run_async(status()) == (400, "invalid_input")


def test_another_method_is_refused_in_the_one_shape():
    run = RunFactory()

    async def post():
        response = await AsyncClient(enforce_csrf_checks=True).post(f"/api/v2/runs/{run.pk}/events")
        return response.status_code, json.loads(response.content)["code"]

    assert run_async(post()) == (405, "method_not_allowed")


def test_a_number_beyond_the_log_skips_nothing_that_is_still_to_come():
    run = RunFactory()
    say(run, 1)

    async def listen():
        reading = asyncio.create_task(events_of(await open_stream(run, **{"last-event-id": "500"}), count=1))
        await asyncio.sleep(0.2)
        await sync_to_async(say)(run, 2)
        return await reading

    assert [e["id"] for e in run_async(listen())] == ["2"]

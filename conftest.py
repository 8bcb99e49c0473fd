"""Fixtures shared by the tests of autonomy and turnitin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from pytest_socket import disable_socket, enable_socket

from autonomy.tests.scripted import ScriptedModel


@pytest.fixture(autouse=True)
def _loopback_only() -> Iterator[None]:
    """No test talks to the world; Unix sockets and 127.0.0.1 are ours."""
    from pytest_socket import socket_allow_hosts

    socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)
    yield
    disable_socket(allow_unix_socket=True)
    enable_socket()


@pytest.fixture(autouse=True)
def _rested_providers() -> None:
    """What one test's providers did wrong is not held against those of the next."""
    import redis
    from django.conf import settings

    from autonomy.providers import off
    from autonomy.providers.breaker import breaker, shared

    off.clear()
    breaker.cache_clear()
    with redis.Redis(**settings.REDIS_OPTIONS) as client:
        if known := client.keys(f"{shared.PREFIX}*"):
            client.delete(*known)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> ScriptedModel:
    """A language model that writes a short draft that passes the gates; a test may bend it."""
    scripted = ScriptedModel()
    monkeypatch.setattr("autonomy.runtime.context.language_models", lambda: [scripted])
    return scripted


@pytest.fixture
def superuser() -> Any:
    from autonomy.tests.factories import UserFactory

    return UserFactory(username="mara", is_staff=True, is_superuser=True)


@pytest.fixture
def boss(superuser: Any) -> Any:
    """A browser in which the superuser is logged in."""
    from django.test import Client

    client = Client()
    client.force_login(superuser)
    return client


@pytest.fixture
def start() -> Callable[..., Any]:
    """Start a run on one small source, and return it."""
    from autonomy.services.start_run import GivenSource, start_run
    from autonomy.tests.factories import UserFactory

    def start_one(**given: Any) -> Any:
        task_spec = {"topic": "Sea walls", "words": 100} | given.pop("task_spec", {})
        sources = given.pop("sources", None) or [GivenSource("walls.txt", SEA_WALLS.encode())]
        owner = given.pop("owner", None) or UserFactory()
        run, _ = start_run(owner=owner, journey="essay", task_spec=task_spec, sources=sources, **given)
        return run

    return start_one


@pytest.fixture
def journey(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Start a run on the journey of a module of tests/ (`quick`, `fan_out`), and return it."""
    from autonomy.journeys.registry import journeys
    from autonomy.runtime import graphs
    from autonomy.services.start_run import GivenSource, start_run
    from autonomy.tests.factories import UserFactory

    settings.AUTONOMY_JOURNEYS = [*settings.AUTONOMY_JOURNEYS, "autonomy.tests.quick", "autonomy.tests.fan_out"]
    monkeypatch.setattr("turnitin.handoff.to_docx", lambda markdown, references: b"docx")

    def start_one(name: str, task_spec: dict[str, Any] | None = None, **given: Any) -> Any:
        owner = given.pop("owner", None) or UserFactory()
        spec = {"topic": "Walls"} | (task_spec or {})
        source = GivenSource("walls.txt", b"Walls.")
        return start_run(owner=owner, journey=name, task_spec=spec, sources=[source], **given)[0]

    for cached in (journeys, graphs._compiled):
        cached.cache_clear()
    yield start_one
    for cached in (journeys, graphs._compiled):
        cached.cache_clear()


@pytest.fixture
def every_type(settings: Any) -> Iterator[None]:
    """The journeys of tests/every_type.py are there besides."""
    from autonomy.journeys.registry import journeys

    settings.AUTONOMY_JOURNEYS = [*settings.AUTONOMY_JOURNEYS, "autonomy.tests.every_type"]
    journeys.cache_clear()
    yield
    journeys.cache_clear()


@pytest.fixture
def quick(journey: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """Start a run on the journey of tests/quick.py, and return it."""
    from autonomy.tests import quick

    quick.executed.clear()
    yield partial(journey, "quick")
    quick.inside.clear()


@pytest.fixture
def env(settings: Any) -> Callable[..., None]:
    """Change settings of the environment, by their names in lower case."""

    def change(**values: object) -> None:
        settings.ENV = settings.ENV.model_copy(update=values)

    return change


@pytest.fixture
def grown(settings: Any) -> Callable[..., float]:
    """By how much a figure that is counted on this machine has grown since the test began."""
    from autonomy.telemetry.metrics import Counted

    def now() -> dict[Any, float]:
        samples = [sample for metric in Counted(settings.METRICS_DIR.parent).collect() for sample in metric.samples]
        return {(sample.name, *sorted(sample.labels.items())): sample.value for sample in samples}

    before = now()

    def since(name: str, **labels: str) -> float:
        key = (name, *sorted(labels.items()))
        return now().get(key, 0) - before.get(key, 0)

    return since


@pytest.fixture
def vendors_stage() -> Iterator[Any]:
    """Vendors that are played: see docs/stage.md."""
    from autonomy.demo.stage import Stage

    with Stage() as stage:
        yield stage


@pytest.fixture
def work() -> Callable[[], int]:
    """Do what workers do, in this process, until no job is due; returns how many jobs were claimed."""
    from autonomy.runtime import queue, step

    def work_until_idle() -> int:
        count = 0
        while claim := queue.claim():
            step.execute(claim)
            count += 1
        return count

    return work_until_idle


SEA_WALLS = (
    "A sea wall is a wall built along the shore to keep the water out of a town. "
    "Waves that meet the wall are thrown back, and the beach before it wears away over the years. "
    "Engineers therefore place rock at the foot of the wall, which breaks the waves before they reach it. "
    "A wall must be raised again when the sea rises, and each raising costs more than the last one did.\n\n"
    "Towns that cannot pay for a wall look for other ways to live with the water that comes. "
    "Some lift their houses on posts, and some move the streets that flood most often to higher ground. "
    "A wall protects what stands behind it only as long as somebody keeps it in repair. "
)

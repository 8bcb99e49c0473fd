"""Secrets planted in every setting and echoed back by every provider, wherever one can put them, appear nowhere."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings as django_settings
from django.contrib import admin
from django.db import connection
from django.test import AsyncClient, Client
from django.urls import reverse
from django.views.debug import technical_500_response
from pydantic import SecretStr
from rest_framework.authtoken.models import Token

from autonomy.demo.stage import Stage, faults, writer
from autonomy.demo.stage.faults import Fault
from autonomy.demo.stage.reply import Reply
from autonomy.models import Episode, ProviderCall, Run, Source
from autonomy.ports import ModelRequest
from autonomy.providers.attempt import AttemptFailed
from autonomy.providers.configured import language_models
from autonomy.providers.openai_compatible import OpenAICompatible
from autonomy.services.start_run import GivenSource
from autonomy.telemetry import redaction
from autonomy.telemetry.redaction import REDACTED
from autonomy.tests.clients import client_of
from autonomy.tests.collector import Collector
from autonomy.tests.planted import Secrets
from autonomy.tests.test_worker import celery, status, wait_until  # noqa: F401
from autonomy.tools.web_search.brave import Brave
from autonomy.tools.web_search.configured import search_providers
from config.embedded.redis_server import _program
from config.environ import read
from config.language_models import LanguageModelSpec
from config.settings import ENV
from turnitin.deliver_report import deliver_report
from turnitin.models import Cycle

pytestmark = pytest.mark.django_db(transaction=True)

SERVICES = ("crossref", "openalex", "semantic_scholar", "tavily", "brave", "serper", "searxng")
KEYS = ("OPENALEX_API_KEY", "SEMANTIC_SCHOLAR_API_KEY", "TAVILY_API_KEY", "BRAVE_API_KEY", "SERPER_API_KEY")
WORDS = (
    "A sea wall is built along the shore to keep the waves out of a town. Engineers place rock at the foot of the sea "
    "wall, because the waves that meet a wall are thrown back and take the beach away. A sea wall protects a town only "
    "as long as somebody keeps the wall in repair, and each raising costs more than the last one did."
)


@pytest.fixture
def secrets() -> Secrets:
    return Secrets()


@pytest.fixture
def stage() -> Iterator[Stage]:
    with Stage() as stage:
        yield stage


@pytest.fixture
def collector() -> Iterator[Collector]:
    found = Collector()
    yield found
    found.close()


@pytest.fixture
def guarded(secrets: Secrets) -> Iterator[str]:
    """The address of a Redis of the test's own that wants a password."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    asked = [_program(), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--requirepass", secrets["redis"]]
    server = subprocess.Popen(asked, stdout=subprocess.DEVNULL)
    password = "".join(f"%{byte:02X}" for byte in secrets["redis"].encode())
    yield f"redis://:{password}@127.0.0.1:{port}/0"
    server.kill()
    server.wait()


@pytest.fixture
def environ(secrets: Secrets, stage: Stage, collector: Collector, guarded: str, tmp_path: Path) -> dict[str, str]:
    """Settings with a secret wherever there can be one."""
    (tmp_path / "key").write_text(secrets["key_file"])
    models = [
        {"kind": "openai", "name": "first", "base_url": stage.at("first") + "/v1", "key_env": "OPENAI_API_KEY"},
        {"kind": "anthropic", "name": "second", "base_url": stage.at("second"), "key_file": str(tmp_path / "key")},
        {"kind": "gemini", "name": "third", "base_url": stage.at("third"), "key_env": "KEY_OF_THE_THIRD"},
    ]
    return {
        "DATABASE_URL": os.environ["DATABASE_URL"]
        .replace("postgres@", f"postgres:{secrets['database'].replace('/', '%2F')}@", 1)
        .replace("/autonomy", f"/{connection.settings_dict['NAME']}", 1),
        "REDIS_URL": guarded,
        "DJANGO_SECRET_KEY": secrets["django"],
        "AUTONOMY_LANGUAGE_MODELS": json.dumps([one | {"model": f"{one['name']}-1"} for one in models]),
        "KEY_OF_THE_THIRD": secrets["key_env"],
        "AUTONOMY_SEARCH": ",".join(SERVICES),
        "AUTONOMY_SEARCH_URLS": json.dumps({name: stage.at(name) for name in SERVICES}),
        "SEARXNG_URL": stage.at("searxng"),
        "AUTONOMY_METRICS_TOKEN": secrets["metrics"],
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
        "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{secrets['otlp'].replace('+', '%2B')}",
        "AUTONOMY_LOG_LEVEL": "DEBUG",
        "AUTONOMY_JOB_ATTEMPTS": "1",
        **{name: secrets[name] for name in ("OPENAI_API_KEY", *KEYS)},
    }


def telling(secrets: Secrets, *fields: str) -> Callable[[dict[str, Any], int], dict[str, Any]]:
    """Writes the right answer, and all the secrets into these fields of it."""

    def write(material: dict[str, Any], most: int) -> dict[str, Any]:
        content = writer.write(material, most)
        for field in fields:
            for part in (content, *content.get("sections", [])):
                if isinstance(part.get(field), str):
                    part[field] += f" {secrets.told()}"
                elif field in part:
                    part[field] = [secrets.told(), *part[field]]
        return content

    return write


def found(secrets: Secrets) -> Fault:
    """Works whose every field holds the secrets, in the form of each service."""

    def reply(turn: Any) -> Reply:
        told = secrets.told()
        one = secrets["OPENAI_API_KEY"]
        work = {
            "DOI": f"10.5555/{one}", "title": [f"Sea walls {told}"], "abstract": f"{WORDS} {told}", "type": one,
            "URL": f"https://example.org/{one}", "author": [{"family": one, "given": one}], "publisher": told,
            "container-title": [told], "volume": one, "issue": one, "page": one,
        }  # fmt: skip
        page = {"title": f"Walls {told}", "content": f"{WORDS} {told} s{one[1:5]}<b>{one[5:]}</b>"}
        page |= {"url": f"https://example.org/?key={one}", "publishedDate": one, "published_date": one}
        row = {"title": page["title"], "link": page["url"], "snippet": page["content"]}
        brave = {"title": page["title"], "url": page["url"], "description": page["content"], "page_age": one}
        paper = {
            "title": page["title"], "abstract": page["content"], "url": page["url"], "externalIds": {"ArXiv": one},
            "authors": [{"name": one}], "journal": {"name": told, "volume": one, "pages": one}, "year": one,
        }  # fmt: skip
        oa = {
            "display_name": page["title"], "abstract_inverted_index": {word: [n] for n, word in
                                                                       enumerate(f"{WORDS} {told}".split())},
            "id": page["url"], "doi": work["DOI"], "biblio": {"volume": one, "issue": one}, "publication_year": one,
            "authorships": [{"author": {"display_name": one}}], "type": one,
            "primary_location": {"landing_page_url": page["url"], "source": {"display_name": told}},
        }  # fmt: skip
        answers = {
            "crossref": {"message": {"items": [work]}},
            "openalex": {"results": [oa]},
            "semantic_scholar": {"total": 1, "data": [paper]},
            "serper": {"organic": [row]},
            "brave": {"web": {"results": [brave]}},
        }
        return Reply.json(200, answers.get(turn.request.provider, {"results": [page]}))

    return Fault("found", lambda turn: turn.send(reply(turn)))


def rows() -> Iterator[tuple[str, Any]]:
    """Every value of every table, packed channel values as they are."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type='BASE TABLE'"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT * FROM "{table}"')
            names = [column.name for column in cursor.description]
            for row in cursor.fetchall():
                for name, value in zip(names, row, strict=True):
                    yield f"{table}.{name}", value


def pages(boss: Client, runs: list[Run]) -> Iterator[tuple[str, bytes]]:
    """The whole console: each list, each row's own page, each document; and what the API answers."""
    for model in admin.site._registry:
        if model._meta.app_label not in ("autonomy", "turnitin"):
            continue
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        addresses = [reverse(f"{name}_changelist")]
        addresses += [reverse(f"{name}_change", args=[one.pk]) for one in model._default_manager.all()[:60]]
        for address in addresses:
            answer = boss.get(address)
            assert answer.status_code == 200, address
            yield address, answer.content
    for run in runs:
        api = client_of(run.user)
        for part in ("", "/checkpoints", "/spend"):
            answer = api.get(f"/api/v2/runs/{run.pk}{part}")
            assert answer.status_code == 200, part
            yield answer.request["PATH_INFO"], answer.content
    for cycle in Cycle.objects.all():
        for ending in ("docx", "md"):
            answer = client_of(cycle.run.user).get(
                f"/api/v2/turnitin/{cycle.run_id}/cycles/{cycle.number}/document.{ending}"
            )
            yield answer.request["PATH_INFO"], b"".join(answer.streaming_content)


def streamed(run: Run) -> bytes:
    """What a listener hears of a run that has ended."""
    token = Token.objects.get_or_create(user=run.user)[0].key

    async def listen() -> bytes:
        headers = {"authorization": f"Token {token}", "last-event-id": "0"}
        answer = await AsyncClient().get(f"/api/v2/runs/{run.pk}/events", headers=headers)
        return b"".join([chunk async for chunk in answer.streaming_content])

    from autonomy.tests.test_api_events import run_async

    return run_async(asyncio.wait_for(listen(), 20))


def kept_by(address: str) -> Iterator[tuple[str, Any]]:
    with redis.Redis.from_url(address) as client:
        for key in client.keys("*"):
            read = {b"string": client.get, b"hash": client.hgetall, b"list": lambda key: client.lrange(key, 0, -1)}
            kind = client.type(key)
            yield f"redis {key!r}", repr((key, read[kind](key) if kind in read else client.dump(key)))


@pytest.mark.parametrize("form", ["json", "console"])
def test_secrets_that_providers_echo_appear_nowhere(
    form,
    secrets,
    stage,
    environ,
    collector,
    celery,  # noqa: F811
    start,
    boss,
    tmp_path,
    guarded,
    settings,
):
    first, second, third = (stage.provider(name) for name in ("first", "second", "third"))
    told = secrets.told()

    def run(expected: str, *, search: bool = False) -> Run:
        sources = [GivenSource("walls.txt", ("\n\n".join([WORDS] * 2)).encode())]
        began = start(sources=sources, task_spec={"topic": "Sea walls", "words": 100, "web_search": search})
        wait_until(lambda: status(began) in ("waiting_human", "done", "failed"))
        assert began.status == expected, began.reason
        return began

    celery("beat", **environ)
    worker = celery("worker", "-c", "1", AUTONOMY_LOG_FORMAT=form, **environ)

    for name in SERVICES:
        stage.provider(name).then(faults.echo(500, told)).forever(found(secrets))
    stage.provider("tavily").then(faults.echo(429, told))
    stage.provider("brave").then(faults.echo(200, told))
    first.writes = telling(secrets, "title", "heading", "question", "queries")
    first.then(faults.echo(200, told)).forever(faults.right(model=f"{{key}} {told}"))
    accepted = run("waiting_human", search=True)
    cycle = Cycle.objects.get(run=accepted)
    deliver_report(
        run_id=accepted.pk, cycle_id=cycle.pk, report_url="https://r.example.org/1", observed_similarity=0.1, actor=None
    )
    wait_until(lambda: status(accepted) == "done")

    first.writes = telling(secrets, "markdown")
    first.then(faults.echo(429, told), faults.echo(500, told), faults.echo(200, told))
    second.writes = telling(secrets, "title", "heading")
    second.then(faults.echo(200, told)).forever(faults.right(model=f"m {told}"))
    written = run("waiting_human")

    refused = []
    for code in (400, 404, 422):
        first.then(faults.echo(code, told))
        refused.append(run("failed"))

    for model, codes in ((first, (403,)), (second, (402,)), (third, (529, 408, 409))):
        model.then(*(faults.echo(code, told) for code in codes))
    failed = run("failed")

    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0
    runs = [accepted, written, *refused, failed]

    logs = {str(file): file.read_bytes() for file in tmp_path.glob("*.log")}
    assert any(b"provider_call" in log for log in logs.values())
    shown = dict(pages(boss, runs))
    heard = {f"events of {one.pk}": streamed(one) for one in runs if one.ended}
    settings.ENV = settings.ENV.model_copy(update={"autonomy_metrics_token": SecretStr("scrape")})
    scraped = Client(headers={"Authorization": "Bearer scrape"}).get("/metrics").content
    assert b"autonomy_runs" in scraped
    files = {str(file): file.read_bytes() for file in Path(django_settings.DATA_DIR).rglob("*") if file.is_file()}
    sent = {f"span batch {number}": body for number, body in enumerate(collector.bodies)}
    places = [*logs.items(), *rows(), *shown.items(), *heard.items(), *files.items(), *sent.items(), *kept_by(guarded)]
    places.append(("metrics", scraped))
    leaks = {place: sorted(names) for place, blob in places if (names := secrets.among(blob))}
    assert leaks == {}

    # It was all there to be told: in vain, if nothing had been taken out.
    assert Episode.objects.filter(kind="retry").exists()
    assert Episode.objects.filter(kind="fallback").exists()
    assert Episode.objects.filter(kind="provider_off").exists()
    assert Source.objects.filter(run=accepted, origin="search", title__contains=REDACTED).exists()
    assert ProviderCall.objects.filter(model__contains=REDACTED).exists()
    assert {run.outcome for run in runs} == {"accepted", "", "failed"}
    assert collector.spans
    assert REDACTED.encode() in shown[reverse("admin:autonomy_run_change", args=[accepted.pk])]


@pytest.fixture
def planted(environ, settings, secrets) -> Iterator[Any]:
    """The same settings in this process."""
    settings.ENV = read(environ)
    redaction.configure(settings.ENV.secrets())
    yield settings.ENV
    redaction.configure(ENV.secrets() | {settings.SECRET_KEY})


def raised(call: Callable[[], Any]) -> str:
    """What a traceback tells, and what the exceptions in it are."""
    with pytest.raises(AttemptFailed) as error:
        call()
    return f"{''.join(traceback.format_exception(error.value))} {error.value!r} {vars(error.value)}"


STATUSES = (400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 503, 529)
ECHOED = [
    *map(faults.echo, STATUSES), faults.bad_key(), faults.quota(), faults.overflow(), faults.garbage(), faults.reset(),
    faults.truncated(),
]  # fmt: skip


@pytest.mark.parametrize("fault", ECHOED, ids=[f"{number}-{fault.name}" for number, fault in enumerate(ECHOED)])
def test_no_error_of_an_adapter_holds_a_key(fault, planted, stage, secrets):
    asked = ModelRequest("plan", "Name it.", {"topic": "Sea walls"}, {"type": "object"})
    for model in language_models():
        stage.provider(model.name).then(fault)
        told = raised(lambda model=model: model.answer(asked, timeout=5))
        assert secrets.among(told, repr(model), vars(model)) == set()
    for service in search_providers():
        stage.provider(service.name).then(fault)
        told = raised(lambda service=service: service.find("sea walls", 5, timeout=5))
        assert secrets.among(told, repr(service)) == set()


def test_settings_and_those_made_of_them_are_told_without_secrets(planted, secrets):
    assert secrets.among(repr(planted), str(planted), planted.model_dump(), planted.model_dump_json()) == set()
    assert secrets.among(repr(language_models()), repr(search_providers())) == set()


def test_a_key_that_no_header_can_hold_is_not_told(stage, secrets):
    key = f"{secrets['odd']}\nä"
    spec = LanguageModelSpec(kind="openai", base_url=stage.at("first"), model="m", key=key)
    asked = ModelRequest("plan", "", {}, {"type": "object"})
    told = raised(lambda: OpenAICompatible(spec, {}).answer(asked, timeout=5))
    told += raised(lambda: Brave(key, stage.at("brave")).find("sea walls", 5, timeout=5))
    assert secrets.among(told) == set()


@pytest.mark.parametrize("accept", ["text/html", "text/plain"])
def test_django_s_debug_page_tells_no_secret_of_settings_and_variables(planted, settings, secrets, rf, accept):
    def fail(address: str, options: dict[str, str], model: object) -> None:
        raise RuntimeError(f"refused: {address}")

    settings.DEBUG = True
    settings.REDIS_URL = settings.CELERY_BROKER_URL = planted.redis_url.get_secret_value()
    request = rf.get("/", {"key": secrets["OPENAI_API_KEY"]}, headers={"Accept": accept, "X-Told": secrets["metrics"]})
    request.META["HTTP_ACCEPT"] = accept
    try:
        fail(f"https://x/?key={secrets['OPENAI_API_KEY']}", {"other": secrets["TAVILY_API_KEY"]}, language_models()[0])
    except RuntimeError:
        page = technical_500_response(request, *sys.exc_info()).content
    assert b"refused" in page
    assert secrets.among(page) == set()

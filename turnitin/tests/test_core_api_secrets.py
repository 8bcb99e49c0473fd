"""Turnitin echoes the key and the webhook's secret wherever it can: neither is kept or shown anywhere."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import Client
from pydantic import SecretStr

from autonomy.demo.stage.reply import Reply
from autonomy.providers import off
from autonomy.telemetry import redaction
from autonomy.tests.factories import UserFactory
from autonomy.tests.planted import Secrets
from autonomy.tests.test_no_secret_leaks import pages, rows
from turnitin.core_api import hint
from turnitin.stage import TurnitinStage
from turnitin.tests.test_core_api_failures import CREATE, SIMILARITY, STATUS
from turnitin.tests.test_core_api_run import submission

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def secrets() -> Iterator[Secrets]:
    planted = Secrets()
    redaction.configure([planted["key"], planted["webhook"]])
    yield planted
    redaction.configure(())


@pytest.fixture
def stage(secrets) -> Iterator[TurnitinStage]:
    with TurnitinStage(key=secrets["key"], similarities=[0.1]) as played:
        yield played


def test_neither_tables_nor_pages_nor_log_tell_what_turnitin_echoes(
    secrets, at_turnitin, handed_off, poll, work, env, caplog, capfd
):
    env(turnitin_webhook_secret=SecretStr(secrets["webhook"]))
    caplog.set_level(logging.DEBUG)
    told = secrets.told()
    headers = {"Location": f"https://elsewhere.example.org/?{told[:40]}", "X-Echo": told}
    at_turnitin.fail(CREATE, Reply(500, told.encode(), headers), Reply(403, json.dumps({"message": told}).encode(), {}))
    poll(1)
    off.clear()
    at_turnitin.fail(STATUS, Reply(200, json.dumps({"status": "ERROR", "error_code": told}).encode(), {}))
    poll(2)
    match = {"name": f"Match {told}", "percentage": 9, "source_type": secrets["key"], "matched_word_count_total": 4}
    answer = {"status": "COMPLETE", "overall_match_percentage": 9, "top_matches": [match]}
    at_turnitin.fail(SIMILARITY, *[Reply(200, json.dumps(answer).encode(), {})] * 4)
    hint.ask_now(submission(handed_off), UserFactory())
    poll(3)
    work()
    assert submission(handed_off).similarity == 0.09
    for name, value in rows():
        assert secrets.among(value) == set(), name
    boss = Client()
    boss.force_login(UserFactory(is_staff=True, is_superuser=True))
    for address, page in pages(boss, [handed_off]):
        assert secrets.among(page) == set(), address
    assert secrets.among(*(record.getMessage() for record in caplog.records), *capfd.readouterr()) == set()
    assert secrets.among(repr(settings.ENV), str(settings.ENV)) == set()

"""Many deliveries at the same instant, to a web server of four processes."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from rest_framework.authtoken.models import Token

from autonomy.models import Episode, Job, Run
from autonomy.tests.web import ROOT, web_server
from turnitin.models import Cycle, Report
from turnitin.tests.callers import SECRET, address_of, body_for, uploader

pytestmark = pytest.mark.django_db(transaction=True)

PROCESSES = 4
AT_ONCE = 200
RUNS = 50


@pytest.fixture(scope="module")
def server(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log: Path = tmp_path_factory.mktemp("web") / "web.log"
    with web_server(log, PROCESSES, TURNITIN_DELIVERY_SECRET=SECRET) as address:
        yield address


@pytest.fixture
def post(server):
    """Send these deliveries all at once, each over a connection of its own; the answers in their order."""
    headers = {"Authorization": f"Token {Token.objects.create(user=uploader()).key}"}

    async def send(cycles: list[Cycle], **changes: Any) -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        async with httpx.AsyncClient(base_url=server, headers=headers, timeout=60, limits=limits) as client:
            posts = (client.post(address_of(cycle), json=body_for(cycle, **changes)) for cycle in cycles)
            return await asyncio.gather(*posts)

    return lambda cycles, **changes: asyncio.run(send(cycles, **changes))


@pytest.fixture
def waiting(quick, work):
    """Runs that wait for their report, by their cycles."""

    def make(count: int) -> list[Cycle]:
        for _ in range(count):
            quick()
        work()
        return list(Cycle.objects.filter(state="awaiting_report"))

    return make


def test_200_deliveries_of_one_event_at_once_resume_the_run_once_and_are_answered_the_same(post, waiting, work):
    (cycle,) = waiting(1)
    answers = post([cycle] * AT_ONCE)
    assert Counter(answer.status_code for answer in answers) == {200: AT_ONCE}
    assert len({answer.content for answer in answers}) == 1, "byte for byte"
    assert answers[0].json()["state"] == "report_ready"
    job = Job.objects.get(kind="resume")
    assert (answers[0].json()["resume_job_id"], Cycle.objects.get().resume_job) == (job.pk, job)
    assert Report.objects.count() == Episode.objects.filter(kind="report_received").count() == 1
    work()
    assert Run.objects.get().outcome == "accepted"
    assert post([cycle])[0].content == answers[0].content, "also when all is over"


def test_50_runs_whose_reports_come_at_once_are_all_resumed_each_once(post, waiting, work):
    cycles = waiting(RUNS)
    answers = post([cycle for cycle in cycles for _ in "ab"])
    assert Counter(answer.status_code for answer in answers) == {200: 2 * RUNS}
    assert Job.objects.filter(kind="resume").values("run").distinct().count() == RUNS
    assert Job.objects.filter(kind="resume").count() == Episode.objects.filter(kind="report_received").count() == RUNS
    work()
    assert Run.objects.filter(outcome="accepted").count() == RUNS


@pytest.mark.skipif(not (shutil.which("openssl") and shutil.which("curl")), reason="the example calls both")
def test_the_signed_example_of_the_docs_works_as_it_stands(server, waiting):
    (cycle,) = waiting(1)
    text = (ROOT / "docs" / "api.md").read_text().split("### A signed delivery", 1)[1]
    example = text.split("```sh\n", 1)[1].split("```", 1)[0].replace("=…", f"={SECRET}")
    given = {"HOST": server, "RUN": str(cycle.run_id), "CYCLE": str(cycle.pk)}
    told = subprocess.run(["sh", "-euc", example], env=os.environ | given, capture_output=True, text=True, check=True)
    assert json.loads(told.stdout)["state"] == "report_ready"
    assert Report.objects.get().via == "signed"


def test_corrections_at_once_come_one_after_the_other_and_the_last_one_counts(post, waiting, work):
    (cycle,) = waiting(1)
    figures = [round(n / 100, 2) for n in range(40)]

    async def all_of_them() -> list[httpx.Response]:
        return await asyncio.gather(*(asyncio.to_thread(post, [cycle], observed_similarity=it) for it in figures))

    answers = [answer for (answer,) in asyncio.run(all_of_them())]
    assert {answer.status_code for answer in answers} == {200}
    assert Job.objects.filter(kind="resume").count() == 1
    told = list(Episode.objects.filter(kind="report_received").order_by("seq").values_list("data", flat=True))
    assert sorted(one["observed_similarity"] for one in told) == figures
    befores = [one.get("observed_before") for one in told]
    assert befores == [None, *(one["observed_similarity"] for one in told[:-1])], "each corrects the one before it"
    cycle.refresh_from_db()
    assert cycle.observed_similarity == told[-1]["observed_similarity"]

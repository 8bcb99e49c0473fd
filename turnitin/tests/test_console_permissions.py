"""Who gets which answer from Turnitin's pages of the console; the table of autonomy/tests goes on here."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from autonomy.groups import ADMINISTRATOR, OPERATOR, UPLOADER, VIEWER
from autonomy.tests.test_console_permissions import (
    EVERYBODY,
    NOBODY_MAY,
    PEOPLE,
    SEES_ALL,
    answers,
    browser_of,
    closed_doors,
    done,
    look,
)
from turnitin.models import Cycle, Report, Submission
from turnitin.tests.moves import report_of
from turnitin.tests.test_console import delivery, waiting_cycle

pytestmark = pytest.mark.django_db

CYCLE, SUBMISSION = "/admin/turnitin/cycle/{cycle}", "/admin/turnitin/submission/{submission}"
DELIVERS = answers(viewer=403, operator=403, uploader=200, administrator=200)
# A GET never has anything done at Turnitin.
POST_ONLY = {who: 405 if said == 200 else said for who, said in EVERYBODY.items()}
PAGES: dict[str, dict[str, int]] = {
    "/admin/turnitin/cycle/": EVERYBODY,
    f"{CYCLE}/change/": EVERYBODY,
    f"{CYCLE}/history/": EVERYBODY,
    f"{CYCLE}/delete/": NOBODY_MAY,
    f"{CYCLE}/document.md": EVERYBODY,
    f"{CYCLE}/document.docx": EVERYBODY,
    f"{CYCLE}/report/": DELIVERS,
    "/admin/turnitin/report/": SEES_ALL,
    "/admin/turnitin/report/{report}/change/": SEES_ALL,
    "/admin/turnitin/submission/": SEES_ALL,
    f"{SUBMISSION}/change/": SEES_ALL,
    f"{SUBMISSION}/viewer/": POST_ONLY,
    f"{SUBMISSION}/ask/": {who: 405 if said == 200 else said for who, said in DELIVERS.items()},
    **{f"/admin/turnitin/{model}/add/": NOBODY_MAY for model in ("cycle", "report", "submission")},
}
POSTS: dict[str, tuple[dict[str, Any], dict[str, int]]] = {
    f"{CYCLE}/change/": ({"state": "accepted"}, NOBODY_MAY),
    f"{CYCLE}/report/": (delivery(), done(DELIVERS)),
    f"{SUBMISSION}/viewer/": ({}, done(EVERYBODY)),
    f"{SUBMISSION}/ask/": ({}, done(DELIVERS)),
}


@pytest.fixture
def ids() -> dict[str, Any]:
    cycle = waiting_cycle()
    report = report_of(cycle, observed_similarity=None)
    submission = Submission.objects.create(
        cycle=cycle, state="complete", turnitin_id="7", similarity=0.1, completed_at=timezone.now()
    )
    return {"cycle": cycle.pk, "report": report.pk, "submission": submission.pk, "run": cycle.run_id}


@pytest.mark.parametrize("who", PEOPLE)
def test_each_page_is_for_those_who_may_see_it(ids: dict[str, Any], who: str) -> None:
    browser = browser_of(who)
    found = {address: look(browser, address.format(**ids))[0] for address in PAGES}
    assert found == {address: table[who] for address, table in PAGES.items()}


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("address", POSTS)
def test_each_change_is_for_those_who_may_make_it(ids: dict[str, Any], who: str, address: str) -> None:
    data, table = POSTS[address]
    answer = browser_of(who).post(address.format(**ids), data)
    assert answer.status_code == table[who]
    delivered = Cycle.objects.get().state == "report_ready"
    assert delivered == (address.endswith("/report/") and DELIVERS[who] == 200)


@pytest.mark.parametrize("who", PEOPLE)
def test_who_may_deliver_has_the_button_and_nobody_else(ids: dict[str, Any], who: str) -> None:
    browser, form = browser_of(who), f"{CYCLE}/report/".format(**ids)
    for page in (f"{CYCLE}/change/".format(**ids), f"/admin/autonomy/run/{ids['run']}/change/"):
        assert (form in browser.get(page).content.decode()) == (DELIVERS[who] == 200)


def test_an_uploader_sees_no_deliveries_of_others(ids: dict[str, Any]) -> None:
    Report.objects.update(human_uploader_id="somebody else")
    Submission.objects.update(trouble="its quota is used up")
    assert "somebody else" not in browser_of(UPLOADER).get(f"{CYCLE}/change/".format(**ids)).content.decode()
    assert "somebody else" in browser_of(VIEWER).get(f"{CYCLE}/change/".format(**ids)).content.decode()


@pytest.mark.parametrize("who", [VIEWER, OPERATOR, UPLOADER, ADMINISTRATOR])
def test_no_link_leads_to_a_page_that_is_closed(ids: dict[str, Any], who: str) -> None:
    assert Report.objects.exists()
    browser_of(ADMINISTRATOR).post(f"{CYCLE}/report/".format(**ids), delivery())
    assert Cycle.objects.get().resume_job_id, "so that the page of the hand-off refers to all it can"
    begin = [f"{CYCLE}/change/".format(**ids), "/admin/turnitin/cycle/", f"/admin/autonomy/run/{ids['run']}/change/"]
    assert closed_doors(browser_of(who), *begin) == []

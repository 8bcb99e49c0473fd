"""A form of ours may be answered by this site only; the report at Turnitin, which is elsewhere, opens all the same."""

# ruff: noqa: F811 - fixtures of turnitin/tests

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from django.db import connection
from playwright.sync_api import Page, expect

from autonomy.tests.browser import world as planting
from autonomy.tests.browser.conftest import log_in
from autonomy.tests.web import web_server
from turnitin.models import Cycle
from turnitin.tests.conftest import WEBHOOK_SECRET, at_turnitin, handed_off, poll, stage  # noqa: F401


def test_the_report_opens_in_a_new_tab(
    guest: Page, database: None, handed_off: Any, poll: Any, stage: Any, tmp_path: Path
) -> None:
    planting.superuser()
    with ThreadPoolExecutor(1) as elsewhere:  # Turnitin is asked in a loop, and Playwright's runs in this thread
        elsewhere.submit(poll, 4).result()
        elsewhere.submit(lambda: connection.close()).result()
    environment = {
        "TURNITIN_MODE": "core_api",
        "TURNITIN_BASE_URL": stage.base_url,
        "TURNITIN_API_KEY": stage.key,
        "TURNITIN_WEBHOOK_URL": "http://127.0.0.1:1/api/v2/turnitin/webhook",
        "TURNITIN_WEBHOOK_SECRET": WEBHOOK_SECRET,
    }
    with web_server(tmp_path / "web.log", **environment) as address:
        log_in(guest, address, planting.NAME, planting.PASSWORD)
        guest.goto(f"{address}/admin/turnitin/cycle/{Cycle.objects.get().pk}/change/")
        with guest.expect_popup() as opened:
            guest.get_by_role("button", name="Open the report at Turnitin").click()
        opened.value.wait_for_url(f"{stage.base_url.removesuffix('/api/v1')}/viewer/*")
        expect(guest.get_by_role("main")).to_be_visible()

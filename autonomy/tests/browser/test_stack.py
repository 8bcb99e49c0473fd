"""The whole stack in a browser: what `make run-v2` starts is what a person logs in to."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from autonomy.tests.browser.conftest import log_in
from autonomy.tests.stack import Stack
from autonomy.tests.web import ROOT

SAMPLES = ROOT / "autonomy" / "demo" / "sources"


def test_a_run_that_is_started_here_is_written_and_waits_for_its_report(guest: Page, stack: Stack) -> None:
    log_in(guest, stack.address, *stack.account)
    guest.goto(f"{stack.address}/admin/autonomy/run/add/")
    guest.locator("[name=topic]").fill("Sea walls")
    guest.locator("[name=source_files]").set_input_files(sorted(SAMPLES.iterdir()))
    guest.get_by_role("button", name="Start").click()
    guest.wait_for_url("**/change/")
    waits = guest.get_by_role("main").get_by_text("Waiting for a report").first
    for _ in range(40):
        if waits.is_visible():
            break
        guest.wait_for_timeout(1000)
        guest.reload()
    expect(waits).to_be_visible()

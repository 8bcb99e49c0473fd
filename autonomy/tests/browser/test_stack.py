"""The whole stack in a browser: what `make run-v2` starts is what a person logs in to."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from autonomy.tests.browser.conftest import log_in
from autonomy.tests.stack import Stack


def test_a_run_that_is_started_here_is_written_and_waits_for_its_report(guest: Page, stack: Stack) -> None:
    log_in(guest, stack.address, *stack.account)
    guest.goto(f"{stack.address}/admin/autonomy/run/add/")
    guest.locator("[name=topic]").fill("Sea walls")
    walls = (
        "A sea wall keeps the water out of a town. Waves wear the beach before it away over the years. " * 8
    ).encode()
    guest.locator("[name=source_files]").set_input_files({"name": "w.txt", "mimeType": "text/plain", "buffer": walls})
    guest.get_by_role("button", name="Start").click()
    guest.wait_for_url("**/change/")
    waits = guest.get_by_text("Waiting for a report").or_(guest.get_by_text("waiting for", exact=False)).first
    for _ in range(30):
        if waits.is_visible():
            break
        guest.wait_for_timeout(1000)
        guest.reload()
    expect(waits).to_be_visible()

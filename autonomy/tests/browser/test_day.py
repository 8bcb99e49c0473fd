"""A staff member's day at the console: everything through the pages, on the whole stack, with the offline model."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Download, Page, expect

from autonomy.tests.browser.conftest import log_in
from autonomy.tests.browser.looks import look
from autonomy.tests.stack import Stack
from autonomy.tests.web import ROOT

SAMPLES = ROOT / "autonomy" / "demo" / "sources"
TITLE = "How a city keeps the sea out"
# A run of the offline model takes a few seconds; on a busy machine, more.
PATIENCE = 60_000


def test_a_day_at_the_console(guest: Page, stack: Stack) -> None:
    page = guest
    log_in(page, stack.address, *stack.account)
    expect(page.get_by_role("heading", name="Needs a person")).to_be_visible()
    look(page, "day home")

    run = start_a_run(page)
    watch_it_until_it_waits(page, hand_off=1)
    assert downloaded(page, "Word document 1").read_bytes().startswith(b"PK")

    deliver(page, "34 %", "above the target")
    # Nothing is reloaded from here on: the page follows the run through its revision.
    watch_it_until_it_waits(page, hand_off=2)
    look(page, "day second hand-off")

    compare_two_checkpoints(page)
    fork = fork_from_the_first(page, run)

    page.goto(run)
    deliver(page, "0.08", "within the target")
    expect(page.get_by_role("link", name="End: accepted")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text("The similarity is within the target")).to_be_visible()
    assert downloaded(page, "PDF 2").read_bytes().startswith(b"%PDF")
    look(page, "day accepted")

    cancel(page, fork)
    read_what_was_done(page, run, fork)


def start_a_run(page: Page) -> str:
    """The address of its page."""
    page.get_by_role("navigation").get_by_role("link", name="Start a run").click()
    what = page.get_by_role("group", name="What to write")
    what.get_by_label("Topic").fill("How a city on the coast can live with a rising sea")
    what.get_by_label("Title").fill(TITLE)
    what.get_by_label("Words").fill("400")
    page.get_by_label("Source files").set_input_files(sorted(SAMPLES.iterdir()))
    expect(page.get_by_text("It cannot spend more than the limits")).to_be_visible()
    page.get_by_role("button", name="Start the run").click()
    page.wait_for_url("**/change/")
    expect(page.get_by_role("heading", level=1)).to_have_text(TITLE)
    return page.url


def watch_it_until_it_waits(page: Page, hand_off: int) -> None:
    expect(page.get_by_role("heading", name=f"Turnitin: hand-off {hand_off}")).to_be_visible(timeout=PATIENCE)
    node = page.get_by_role("link", name="Turnitin: waits for report")
    expect(node).to_be_visible(timeout=PATIENCE)
    expect(node).to_have_attribute("aria-current", "step")
    handed_off = page.get_by_text(f"The document is ready for Turnitin (hand-off {hand_off})")
    expect(handed_off).to_be_visible(timeout=PATIENCE)


def downloaded(page: Page, link: str) -> Path:
    with page.expect_download() as started:
        page.get_by_role("link", name=link, exact=True).first.click()
    download: Download = started.value
    return Path(download.path())


def deliver(page: Page, similarity: str, what_follows: str) -> None:
    page.get_by_label("Address of the report").fill(f"https://reports.example.org/{similarity.strip(' %')}")
    page.get_by_role("textbox", name="Similarity").fill(similarity)
    page.get_by_role("button", name="Check the figures").click()
    expect(page.get_by_text(what_follows)).to_be_visible()
    page.get_by_role("button", name="Deliver the report").click()
    page.wait_for_url("**/change/")
    expect(page.get_by_text("The report is delivered")).to_be_visible()


def compare_two_checkpoints(page: Page) -> None:
    tab(page, "Checkpoints")
    look(page, "day checkpoints")
    # The last of the first draft, with the newest: everything that the revision has changed.
    page.locator("input[name=from]").nth(9).check()
    page.locator("input[name=to]").first.check()
    page.get_by_role("button", name="Compare").first.click()
    page.wait_for_url("**/diff/?*")
    expect(page.get_by_role("heading", name="Draft").first).to_be_visible()
    expect(page.locator("ins").first).to_be_visible()
    expect(page.locator("del").first).to_be_visible()
    look(page, "day difference")


def fork_from_the_first(page: Page, run: str) -> str:
    """The address of the fork's page."""
    page.goto(run)
    tab(page, "Checkpoints")
    page.get_by_role("link", name="Fork from here").last.click()
    page.get_by_label("Note to the writer").fill("Say more about who pays.")
    page.get_by_role("button", name="Fork the run").click()
    page.wait_for_url("**/change/")
    assert page.url != run
    expect(page.get_by_text("This is the fork")).to_be_visible()
    watch_it_until_it_waits(page, hand_off=1)
    return page.url


def cancel(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("link", name="Cancel").click()
    page.get_by_label("Reason").fill("It was only a try.")
    page.get_by_role("button", name="Cancel the run").click()
    expect(page.get_by_text("The run is cancelled.").first).to_be_visible()
    look(page, "day cancelled")


def read_what_was_done(page: Page, run: str, fork: str) -> None:
    tab(page, "Log")
    page.get_by_label("Show").select_option("people")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".log-message", has_text="It was only a try.")).to_be_visible()
    expect(page.get_by_text("by staff").first).to_be_visible()
    page.goto(fork.replace("/change/", "/history/"))
    expect(page.get_by_text("Asked to cancel.")).to_be_visible()
    page.goto(run.replace("/change/", "/history/"))
    expect(page.get_by_text("Started from the console.")).to_be_visible()
    page.goto(run.split("/autonomy/run/")[0] + "/")
    expect(page.get_by_role("heading", name="Needs a person")).to_be_visible()


def tab(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Pages of this run").get_by_role("link", name=name).click()

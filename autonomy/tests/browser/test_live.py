"""The run's page follows its run: episodes come by themselves, however many; what the server draws is renewed."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from playwright.sync_api import Page, expect

from autonomy.episodes.kinds import Kind
from autonomy.episodes.record import NewEpisode, append, lock
from autonomy.models import Run
from autonomy.tests.factories import RunFactory
from turnitin.deliver_report import deliver_report

LIVE = "Live: new episodes appear by themselves."


@pytest.fixture
def run(world: dict[str, Any]) -> Run:
    return RunFactory(title="A run to follow", status="running", route="draft")


def tell(run: Run, *new: NewEpisode, **changed: Any) -> None:
    with transaction.atomic():
        locked = lock(run.pk)
        append(locked, new)
        for name, value in changed.items():
            setattr(locked, name, value)
        locked.save()


def follow(page: Page, run: Run) -> None:
    page.goto(f"/admin/autonomy/run/{run.pk}/change/")
    expect(page.get_by_text(LIVE)).to_be_visible()


def test_an_episode_appears_without_reloading(page: Page, run: Run) -> None:
    follow(page, run)
    tell(run, NewEpisode(Kind.PROGRESS, "Section 1 of 3 is drafted.", node="draft"))
    expect(page.get_by_role("listitem").filter(has_text="Section 1 of 3 is drafted.")).to_be_visible()


def test_the_picture_and_the_status_are_renewed(page: Page, run: Run) -> None:
    follow(page, run)
    tell(
        run,
        NewEpisode(Kind.NODE_FINISHED, "Next is critic.", {"route_in": "draft", "route_out": "critic"}, node="draft"),
        route="critic",
    )
    expect(page.get_by_role("link", name="Critic: now").and_(page.locator("[aria-current=step]")).first).to_be_visible()
    expect(page.get_by_role("link", name="Draft: done").first).to_be_visible()


def test_a_burst_of_a_thousand_does_not_freeze_the_page(page: Page, run: Run) -> None:
    follow(page, run)
    page.evaluate(
        """() => { window.longest = 0; let last = performance.now();
        const frame = now => {
            window.longest = Math.max(window.longest, now - last);
            last = now;
            requestAnimationFrame(frame);
        };
        requestAnimationFrame(frame) }"""
    )
    tell(run, *(NewEpisode(Kind.PROGRESS, f"Part {n + 1} of 1000.", {"n": n}, node="draft") for n in range(1000)))
    expect(page.get_by_text("Part 1000 of 1000.")).to_be_visible()
    rows = page.locator(".log-row")
    assert rows.count() <= 500, "what is far back is on the page of the whole log"
    assert rows.first.locator(".log-seq").inner_text() == "1000"
    # Three seconds without a frame is what people call frozen; a tenth of it is usual.
    assert page.evaluate("window.longest") < 3000


def test_while_it_is_paused_nothing_moves_and_nothing_is_lost(page: Page, run: Run) -> None:
    follow(page, run)
    page.get_by_role("button", name="Pause").click()
    tell(run, *(NewEpisode(Kind.PROGRESS, f"Part {n}.", node="draft") for n in (1, 2)))
    expect(page.get_by_text("Paused: 2 new.")).to_be_visible()
    assert page.locator(".log-row").count() == 0
    page.get_by_role("button", name="Go on").click()
    expect(page.locator(".log-message").first).to_have_text("Part 2.")
    assert page.locator(".log-row").count() == 2


def test_what_is_not_chosen_is_hidden_also_when_it_comes_later(page: Page, run: Run) -> None:
    follow(page, run)
    page.get_by_label("Show").select_option("errors")
    tell(run, NewEpisode(Kind.PROGRESS, "Fine.", node="draft"), NewEpisode(Kind.RETRY, "Once more.", node="draft"))
    expect(page.get_by_text("Once more.")).to_be_visible()
    expect(page.get_by_text("Fine.")).to_be_hidden()


def test_the_last_error_is_one_click_away(page: Page, run: Run) -> None:
    tell(run, NewEpisode(Kind.STEP_FAILED, "The provider fell over.", node="draft"))
    tell(run, *(NewEpisode(Kind.PROGRESS, f"Part {n}.", node="draft") for n in range(25)))
    follow(page, run)
    page.get_by_role("button", name="Go to the last error").click()
    expect(page.get_by_text("The provider fell over.").last).to_be_in_viewport()
    assert page.evaluate("document.activeElement.id") == "episode-1"


def test_the_end_of_the_run_is_told_and_ends_the_stream(page: Page, run: Run) -> None:
    follow(page, run)
    tell(
        run,
        NewEpisode(Kind.RUN_ENDED, "The run has ended.", {"outcome": "accepted"}),
        status="done", outcome="accepted", route="END", ended_at=run.created_at,
    )  # fmt: skip
    expect(page.get_by_text("The run has ended; nothing more comes.")).to_be_visible()
    expect(page.get_by_role("link", name="End: accepted").first).to_be_visible()


def test_after_a_break_it_goes_on_where_it_stopped(page: Page, run: Run) -> None:
    follow(page, run)
    tell(run, NewEpisode(Kind.PROGRESS, "Before.", node="draft"))
    expect(page.get_by_text("Before.")).to_be_visible()
    page.context.set_offline(True)
    tell(run, NewEpisode(Kind.PROGRESS, "Meanwhile.", node="draft"))
    page.context.set_offline(False)
    page.reload()
    expect(page.get_by_text("Meanwhile.")).to_be_visible()
    assert page.locator(".log-row").count() == 2


def test_what_happens_while_the_picture_is_fetched_is_not_missed(page: Page, run: Run) -> None:
    """The answer that is under way was read before it."""
    held: list[Any] = []
    page.route("**/live/", lambda route: held.append(route), times=1)
    follow(page, run)
    with page.expect_request("**/live/"):
        tell(run, NewEpisode(Kind.PROGRESS, "Earlier.", node="draft"))
    page.wait_for_timeout(100)
    early = held[0].fetch()
    tell(run, NewEpisode(Kind.PROGRESS, "Later.", node="draft"), status="waiting_human", route="turnitin_pause")
    expect(page.get_by_text("Later.")).to_be_visible()
    held[0].fulfill(response=early)
    expect(page.get_by_role("link", name="Turnitin: waits for report").first).to_be_visible()


def test_what_was_said_of_a_picture_that_failed_is_taken_back(page: Page, run: Run) -> None:
    follow(page, run)
    page.route("**/live/", lambda route: route.fulfill(status=503))
    tell(run, NewEpisode(Kind.PROGRESS, "One.", node="draft"))
    expect(page.get_by_text("The picture above could not be renewed.")).to_be_visible()
    assert page.faults  # type: ignore[attr-defined]
    page.faults.clear()  # type: ignore[attr-defined]
    page.unroute("**/live/")
    tell(run, NewEpisode(Kind.PROGRESS, "Two.", node="draft"))
    expect(page.get_by_text(LIVE)).to_be_visible()


def test_a_long_pause_keeps_no_more_than_can_be_shown(page: Page, run: Run) -> None:
    follow(page, run)
    page.get_by_role("button", name="Pause").click()
    tell(run, *(NewEpisode(Kind.PROGRESS, f"Part {n + 1}.", node="draft") for n in range(1200)))
    expect(page.get_by_text("Paused: 1200 new.")).to_be_visible()
    page.get_by_role("button", name="Go on").click()
    expect(page.locator(".log-message").first).to_have_text("Part 1200.")
    assert page.locator(".log-row").count() == 500


def test_what_somebody_opened_stays_open_and_keeps_the_focus(page: Page, world: dict[str, Any]) -> None:
    run = Run.objects.get(pk=world["waiting"])
    report = {"report_url": "https://reports.example.org/7", "observed_similarity": 0.1}
    deliver_report(run_id=run.pk, cycle_id=world["cycle"], actor=run.user, **report)
    follow(page, run)
    fold = page.locator("#hand-offs details").first
    fold.locator("summary").click()
    button = fold.get_by_role("button", name="Check the figures")
    button.focus()
    with page.expect_response("**/live/"):
        tell(run, NewEpisode(Kind.TURNITIN_ASKED, "Turnitin is asked."))
    expect(page.get_by_text("Turnitin is asked.")).to_be_visible()
    page.wait_for_timeout(300)
    expect(fold).to_have_attribute("open", "")
    expect(button).to_be_focused()


def test_without_scripts_the_page_is_whole_and_says_how_to_see_what_is_new(
    chromium: Any, server: str, logged_in: dict[str, Any], run: Run
) -> None:
    tell(run, NewEpisode(Kind.PROGRESS, "Section 1 is drafted.", node="draft"))
    context = chromium.new_context(base_url=server, storage_state=logged_in, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"/admin/autonomy/run/{run.pk}/change/")
    expect(page.get_by_text("Section 1 is drafted.")).to_be_visible()
    expect(page.get_by_text("This part needs JavaScript")).to_be_visible()
    expect(page.get_by_role("link", name="Draft: now").first).to_be_visible()
    page.get_by_role("navigation", name="Pages of this run").get_by_role("link", name="Log").click()
    expect(page.get_by_text("Section 1 is drafted.")).to_be_visible()
    page.get_by_label("Show").select_option("errors")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("There are no such episodes.")).to_be_visible()
    context.close()

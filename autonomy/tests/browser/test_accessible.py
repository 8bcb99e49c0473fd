"""Every page of the console can be used by everybody: what axe finds serious, in light and dark, wide and narrow."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from autonomy.tests.browser.addresses import PAGES
from autonomy.tests.browser.looks import accessible


@pytest.mark.parametrize(("name", "address"), PAGES, ids=[name for name, _ in PAGES])
def test_a_page_is_accessible(tab: Page, world: dict[str, str], name: str, address: str) -> None:
    answer = tab.goto(address.format(**world))
    assert answer
    assert answer.status == 200
    assert tab.url.endswith(address.format(**world))
    accessible(tab, name)


def test_a_form_with_mistakes_is_accessible(page: Page, world: dict[str, str]) -> None:
    page.goto("/admin/autonomy/run/add/")
    page.get_by_role("main").locator("form[method=post] [type=submit]").last.click()
    expect(page).to_have_title(re.compile("^ *Error"))
    accessible(page, "start refused")
    page.goto(f"/admin/autonomy/run/{world['budget_exceeded']}/raise-budget/")
    page.get_by_role("main").locator("form[method=post] [type=submit]").last.click()
    expect(page).to_have_title(re.compile("^ *Error"))
    accessible(page, "raise-budget refused")


def test_a_selection_in_the_list_of_runs_is_accessible(page: Page) -> None:
    page.goto("/admin/autonomy/run/")
    for box in page.locator("tbody").get_by_role("checkbox").all()[:2]:
        box.check()
    accessible(page, "runs selected")

"""Every page of the console can be used by everybody: what axe finds serious, in light and dark, wide and narrow."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from autonomy.tests.browser.addresses import PAGES
from autonomy.tests.browser.looks import accessible


@pytest.mark.parametrize(("name", "address"), PAGES, ids=[name for name, _ in PAGES])
def test_a_page_is_accessible(page: Page, world: dict[str, str], name: str, address: str) -> None:
    answer = page.goto(address.format(**world))
    assert answer
    assert answer.status == 200
    assert page.url.endswith(address.format(**world))
    accessible(page, name)

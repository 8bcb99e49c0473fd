"""The login, the way out, and how to move about with a keyboard only."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from autonomy.tests.browser.conftest import log_in
from autonomy.tests.browser.looks import SIZES, accessible
from autonomy.tests.browser.world import NAME, PASSWORD


def test_the_way_in_and_out_is_accessible(guest: Page, server: str) -> None:
    guest.goto(f"{server}/admin/login/")
    accessible(guest, "login")
    guest.get_by_label("Username").fill(NAME)
    guest.get_by_label("Password").fill("wrong")
    guest.get_by_role("button", name="Log in").click()
    expect(guest.get_by_text("Please enter the correct username and password")).to_be_visible()
    accessible(guest, "login refused")
    log_in(guest, server, NAME, PASSWORD)
    guest.set_viewport_size(SIZES["wide"])
    guest.get_by_role("button", name=NAME).click()
    accessible(guest, "user menu")
    guest.set_viewport_size(SIZES["wide"])
    guest.get_by_role("button", name="Log out", exact=True).click()
    expect(guest.get_by_role("link", name="Log in again")).to_be_visible()
    accessible(guest, "logged out")


def test_the_first_key_leads_past_the_menu(page: Page) -> None:
    page.goto("/admin/autonomy/run/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_the_menu_opens_and_closes_with_keys(page: Page) -> None:
    page.set_viewport_size(SIZES["narrow"])
    page.goto("/admin/")
    menu = page.get_by_role("button", name="Menu", exact=True)
    expect(menu).to_have_attribute("aria-expanded", "false")
    menu.press("Enter")
    expect(menu).to_have_attribute("aria-expanded", "true")
    runs = page.locator("#nav-sidebar").get_by_role("link", name="Runs", exact=True)
    expect(runs).to_be_visible()
    accessible(page, "menu")
    page.set_viewport_size(SIZES["narrow"])
    page.get_by_role("button", name="Close the menu").press("Enter")
    expect(runs).to_be_hidden()


def test_the_theme_is_chosen_with_keys_and_kept(page: Page) -> None:
    page.set_viewport_size(SIZES["wide"])
    page.emulate_media(color_scheme="light")
    page.goto("/admin/")
    page.get_by_role("button", name=NAME).press("Enter")
    page.get_by_role("button", name="Dark").press("Enter")
    expect(page.locator("html")).to_have_class("dark")
    page.reload()
    expect(page.locator("html")).to_have_class("dark")


def test_the_page_one_is_on_is_named_in_the_menu_and_icons_are_not_read_aloud(page: Page) -> None:
    page.set_viewport_size(SIZES["wide"])
    page.goto("/admin/turnitin/cycle/")
    cycles = page.locator("#nav-sidebar").get_by_role("link", name="Cycles", exact=True)
    expect(cycles).to_have_attribute("aria-current", "page")
    expect(page.locator(".material-symbols-outlined:not([aria-hidden='true'])")).to_have_count(0)

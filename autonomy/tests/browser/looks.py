"""A page as people see it: light and dark, wide and narrow. What axe says of each, and pictures to look at."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

SIZES = {"wide": {"width": 1440, "height": 900}, "narrow": {"width": 390, "height": 844}}
AXE = Axe().axe_script
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"],
    "resultTypes": ["violations"],
}
MATTERS = ("serious", "critical")

AS_THEME = """async dark => {
    const page = document.documentElement;
    page.classList.toggle("dark", dark);
    page.classList.toggle("light", !dark);
    // What opens, fades in: it begins a frame or two after the click, and is looked at when it is there.
    const frame = () => new Promise(requestAnimationFrame);
    for (let still = 0; still < 3; await frame()) {
        // One without an end cannot be brought there.
        const [endless, others] = [true, false].map(is => document.getAnimations().filter(
            one => (one.effect.getTiming().iterations === Infinity) === is));
        endless.forEach(one => one.cancel());
        others.forEach(one => one.finish());
        still = endless.length + others.length ? 0 : still + 1;
    }
}"""

BUILT = """() => {
    const shown = all => [...document.querySelectorAll(all)].filter(one => one.checkVisibility());
    const said = [];
    for (const [what, name] of [["h1", "headings of the first rank"], ["main", "main parts"]]) {
        const count = shown(what).length;
        if (count !== 1) said.push(`the page has ${count} ${name}`);
    }
    if (!document.documentElement.lang) said.push("the page names no language");
    const first = document.querySelector("a[href], button, input, select, textarea, [tabindex]");
    const target = document.querySelector(first?.hash || "nothing");
    if (document.querySelector("#nav-sidebar") && target?.tagName !== "MAIN")
        said.push("what is focused first does not lead to the content");
    const over = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    if (over > 0) said.push(`the page is ${over} px wider than the window`);
    let rank = 1;
    for (const one of shown(":is(main) :is(h2, h3, h4, h5, h6)")) {
        const next = Number(one.tagName[1]);
        if (next > rank + 1) said.push(`“${one.textContent.trim()}”, of rank ${next}, follows one of rank ${rank}`);
        rank = next;
    }
    return said;
}"""


def looks(page: Page) -> Iterator[str]:
    """Put the page, as it stands, into each look, and name it. Nothing is loaded again: a form's errors stay."""
    for width, size in SIZES.items():
        page.set_viewport_size(size)
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            page.evaluate(AS_THEME, theme == "dark")
            yield f"{theme}, {width}"


def look(page: Page, name: str) -> None:
    """Pictures in the folder of BROWSER_SHOTS, if it is set."""
    if os.environ.get("BROWSER_SHOTS"):
        size = page.viewport_size
        for one in looks(page):
            _shoot(page, name, one)
        assert size
        page.set_viewport_size(size)


def accessible(page: Page, name: str = "") -> None:
    """Nothing serious in any look; one heading of the first rank, one main part, a language, a way past the menu.

    With a name, pictures too, where BROWSER_SHOTS is set.
    """
    found: dict[str, list[str]] = {}
    for one in looks(page):
        for told in [*_axe(page), *_built(page)]:
            found.setdefault(told, []).append(one)
        if name:
            _shoot(page, name, one)
    assert not found, f"{page.url}\n" + "\n".join(f"- {told}\n  ({'; '.join(where)})" for told, where in found.items())


def _axe(page: Page) -> Iterator[str]:
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(AXE)
    for violation in page.evaluate("async rules => (await axe.run(rules)).violations", RULES):
        if violation["impact"] in MATTERS:
            for node in violation["nodes"]:
                yield _told(violation, node)


def _told(violation: dict[str, Any], node: dict[str, Any]) -> str:
    where = " ".join(str(one) for one in node["target"])
    mend = node["failureSummary"].replace("\n", " ")
    rule = f"{violation['id']} ({violation['impact']}): {violation['help']}"
    return f"{rule}\n  at {where}\n  {node['html'][:200]}\n  {mend}"


def _built(page: Page) -> list[str]:
    """What axe has no rule for, or counts as advice."""
    return page.evaluate(BUILT)


def _shoot(page: Page, name: str, one: str) -> None:
    if folder := os.environ.get("BROWSER_SHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        theme, width = one.split(", ")
        path = Path(folder, f"{name.replace(' ', '-').replace('/', '-')}-{width}-{theme}.png")
        page.screenshot(path=path, full_page=True, animations="disabled")

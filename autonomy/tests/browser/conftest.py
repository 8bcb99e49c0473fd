"""Tests in a real Chromium, on a real server. A module plants its rows once and keeps them: no test here takes the mark
`django_db`, and none may count on rows that another one has changed.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import setup_databases, teardown_databases
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from autonomy.tests.browser import world as planting
from autonomy.tests.browser.watch import Watch, chromium_arguments
from autonomy.tests.stack import Stack, left_behind
from autonomy.tests.web import web_server


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not path:
        pytest.exit("There is no Chromium: make test-browser sees to it, or name one with CHROMIUM=…", 1)
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright's loop runs in this thread, and Django would take that for code that must not wait for a database.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=path, args=chromium_arguments(), chromium_sandbox=False)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def test_database(request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """pytest-django makes it only where a test bears its mark; ours do not."""
    if any(test.get_closest_marker("django_db") for test in request.session.items):
        yield
        return
    with django_db_blocker.unblock():
        made = setup_databases(verbosity=0, interactive=False, aliases={"default"})
        yield
        teardown_databases(made, verbosity=0)


@pytest.fixture(scope="module")
def database(chromium: Browser, test_database: None, django_db_blocker: Any) -> Iterator[None]:
    """The test database, open for a whole module and empty after it."""
    with django_db_blocker.unblock():
        yield
        call_command("flush", interactive=False, verbosity=0)
        connection.close()  # it belongs to Playwright's part of this thread, and nobody else would


@pytest.fixture(scope="module")
def world(database: None) -> dict[str, Any]:
    """The keys of what is planted. A module that shows other rows has a fixture of this name itself."""
    return planting.planted()


@pytest.fixture(scope="module")
def server(world: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server on the planted rows."""
    with web_server(tmp_path_factory.mktemp("web") / "web.log") as address:
        yield address


@pytest.fixture(scope="module")
def logged_in(chromium: Browser, server: str) -> dict[str, Any]:
    """The cookies of the superuser, who has filled in the login form."""
    context = chromium.new_context()
    log_in(context.new_page(), server, planting.NAME, planting.PASSWORD)
    cookies = context.storage_state()
    context.close()
    return cookies


def log_in(page: Page, address: str, name: str, password: str) -> None:
    page.goto(f"{address}/admin/login/?next=/admin/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{address}/admin/")


@pytest.fixture
def page(chromium: Browser, server: str, logged_in: dict[str, Any]) -> Iterator[Page]:
    """A page of the superuser: `page.goto("/admin/")`. What goes wrong in it fails the test."""
    yield from watched(chromium.new_context(base_url=server, storage_state=logged_in))


@pytest.fixture(scope="module")
def kept(chromium: Browser, server: str, logged_in: dict[str, Any]) -> Iterator[Page]:
    yield from watched(chromium.new_context(base_url=server, storage_state=logged_in))


@pytest.fixture
def tab(kept: Page) -> Iterator[Page]:
    """As `page`, but the same for a whole module, and quicker: for a look at many addresses."""
    yield kept
    faults, kept.faults[:] = kept.faults.copy(), []  # type: ignore[attr-defined]
    assert faults == []


@pytest.fixture
def guest(chromium: Browser) -> Iterator[Page]:
    """A page of nobody, anywhere: for the login, and for the stack."""
    yield from watched(chromium.new_context())


def watched(context: BrowserContext) -> Iterator[Page]:
    context.set_default_timeout(15_000)
    watch = Watch(context)
    page = context.new_page()
    page.faults = watch.faults  # type: ignore[attr-defined]
    yield page
    context.close()
    assert watch.faults == []


@pytest.fixture(scope="module")
def stack(chromium: Browser) -> Iterator[Stack]:
    """All that `make run-v2` starts, with the offline model. `log_in(guest, stack.address, *stack.account)`."""
    with tempfile.TemporaryDirectory(prefix="autonomy stack ", ignore_cleanup_errors=True) as folder:
        data = Path(folder, "data")
        running = Stack(data)
        try:
            running.account = running.login()
            yield running
        finally:
            running.stop()
            for process in left_behind(data):
                process.kill()

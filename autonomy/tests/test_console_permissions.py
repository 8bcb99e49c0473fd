"""Who gets which answer from which page of the console: one table, and a walk over every link."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from rest_framework.authtoken.models import Token

from autonomy.groups import ADMINISTRATOR, OPERATOR, UPLOADER, VIEWER
from autonomy.models import Passage, Run
from autonomy.providers.breaker import breaker
from autonomy.tests.clients import member
from autonomy.tests.factories import RunFactory, UserFactory
from autonomy.tests.test_console import asked
from autonomy.tests.test_console_verbs import POSTED, end

pytestmark = pytest.mark.django_db

NOBODY, STRANGER = "staff without a group", "not staff"
PEOPLE = (VIEWER, OPERATOR, UPLOADER, ADMINISTRATOR, NOBODY, STRANGER)
RUN, CALLS = "/admin/autonomy/run/", "/admin/autonomy/providercall/providers/"
GO_ON, LOGIN = 302, 302


def browser_of(who: str) -> Client:
    if who == STRANGER:
        return member(is_staff=False)
    return member() if who == NOBODY else member(who)


def answers(*, viewer: int, operator: int, uploader: int, administrator: int, nobody: int = 403) -> dict[str, int]:
    """People who are not staff are sent to the login, wherever they go."""
    said = (viewer, operator, uploader, administrator, nobody, LOGIN)
    return dict(zip(PEOPLE, said, strict=True))


EVERYBODY = answers(viewer=200, operator=200, uploader=200, administrator=200)
STAFF = {**EVERYBODY, NOBODY: 200}
SEES_ALL = answers(viewer=200, operator=200, uploader=403, administrator=200)
OPERATES = answers(viewer=403, operator=200, uploader=403, administrator=200)
KEEPS_PEOPLE = answers(viewer=403, operator=403, uploader=403, administrator=200)
NOBODY_MAY = answers(viewer=403, operator=403, uploader=403, administrator=403)


def done(table: dict[str, int]) -> dict[str, int]:
    """What was asked is done, and the browser is sent on."""
    return {who: GO_ON if said == 200 else said for who, said in table.items()}


# Address, with the ids of rows by their names, and who gets which answer to GET.
PAGES: dict[str, dict[str, int]] = {
    "/admin/": STAFF,
    "/admin/password_change/": STAFF,
    RUN: EVERYBODY,
    f"{RUN}?status__exact=failed": EVERYBODY,
    f"{RUN}{{run}}/change/": EVERYBODY,
    f"{RUN}{{run}}/history/": EVERYBODY,
    f"{RUN}add/": OPERATES,
    f"{RUN}{{run}}/delete/": NOBODY_MAY,
    **{f"{RUN}{{run}}/{verb}/": OPERATES for verb in POSTED if verb != "retry"},
    f"{RUN}{{run}}/retry/": done(OPERATES),  # it has not failed: that is told on its page
    **{f"/admin/autonomy/{model}/": SEES_ALL for model in ("job", "episode", "checkpoint", "source", "providercall")},
    **{
        f"/admin/autonomy/{model}/{{{model}}}/change/": SEES_ALL
        for model in ("job", "episode", "checkpoint", "source", "providercall")
    },
    **{f"/admin/autonomy/{model}/add/": NOBODY_MAY for model in ("job", "episode", "checkpoint", "source")},
    "/admin/autonomy/providercall/add/": NOBODY_MAY,
    CALLS: SEES_ALL,
    "/admin/auth/user/": KEEPS_PEOPLE,
    "/admin/auth/user/add/": KEEPS_PEOPLE,
    "/admin/auth/user/{user}/change/": KEEPS_PEOPLE,
    "/admin/auth/user/{user}/password/": KEEPS_PEOPLE,
    "/admin/auth/user/{user}/delete/": KEEPS_PEOPLE,
    "/admin/auth/user/{user}/history/": KEEPS_PEOPLE,
    "/admin/auth/group/": KEEPS_PEOPLE,
    "/admin/auth/group/add/": KEEPS_PEOPLE,
    "/admin/auth/group/{group}/change/": KEEPS_PEOPLE,
    "/admin/authtoken/tokenproxy/": KEEPS_PEOPLE,
    "/admin/authtoken/tokenproxy/add/": KEEPS_PEOPLE,
    "/admin/authtoken/tokenproxy/{token}/delete/": KEEPS_PEOPLE,
}
# Pages below a run's, where this version has them.
TABS = {
    "calls": SEES_ALL,
    "checkpoints": SEES_ALL,
    "diff": SEES_ALL,
    "draft": EVERYBODY,
    "log": SEES_ALL,
    "sources": SEES_ALL,
    "task": EVERYBODY,
}
# What is posted, and who has it done.
POSTS: dict[str, tuple[dict[str, Any], dict[str, int]]] = {
    f"{RUN}add/": (asked(), done(OPERATES)),
    f"{RUN}{{run}}/change/": ({"title": "mine"}, NOBODY_MAY),
    f"{RUN}{{run}}/delete/": ({"post": "yes"}, NOBODY_MAY),
    **{f"{RUN}{{run}}/{verb}/": (data, done(OPERATES)) for verb, data in POSTED.items()},
    CALLS: ({"key": "llm:offline"}, done(SEES_ALL)),  # who may only look is told so
    "/admin/auth/user/add/": (
        {"username": "eva", "usable_password": "true", **dict.fromkeys(["password1", "password2"], "long-enough-1")},
        done(KEEPS_PEOPLE),
    ),
    "/admin/auth/group/add/": ({"name": "Readers"}, done(KEEPS_PEOPLE)),
    "/admin/auth/user/{user}/delete/": ({"post": "yes"}, done(KEEPS_PEOPLE)),
    "/admin/authtoken/tokenproxy/add/": ({"user": "{tokenless}"}, done(KEEPS_PEOPLE)),
    "/admin/authtoken/tokenproxy/{token}/delete/": ({"post": "yes"}, done(KEEPS_PEOPLE)),
}  # fmt: skip


@pytest.fixture
def ids(start: Callable[..., Run]) -> dict[str, Any]:
    """A run with a row of everything, and somebody with a token."""
    run = start()
    source = run.sources.get()
    Passage.objects.create(run=run, source=source, position=0, text="A passage.")
    run.provider_calls.create(kind="llm", provider="offline", attempt=1, outcome="ok")
    keeper, plain = UserFactory(username="keeper"), UserFactory(username="plain")
    Token.objects.create(user=keeper)
    return {
        "run": run.pk,
        "job": run.jobs.get().pk,
        "episode": run.episodes.get().pk,
        "checkpoint": run.checkpoints.get().pk,
        "source": source.pk,
        "providercall": run.provider_calls.get().pk,
        "user": plain.pk,
        "token": keeper.pk,
        "tokenless": plain.pk,
        "group": Group.objects.create(name="Some").pk,
    }


@pytest.mark.parametrize("who", PEOPLE)
def test_each_page_is_for_those_who_may_see_it(ids: dict[str, Any], who: str) -> None:
    browser = browser_of(who)
    found = {address: look(browser, address.format(**ids))[0] for address in PAGES}
    assert found == {address: table[who] for address, table in PAGES.items()}


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("tab", TABS)
def test_each_page_below_a_runs_is_for_those_who_may_see_what_is_on_it(ids: dict[str, Any], who: str, tab: str) -> None:
    address = reverse(f"admin:autonomy_run_{tab}", args=[ids["run"]])
    assert browser_of(who).get(address).status_code == TABS[tab][who]


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("address", POSTS)
def test_each_change_is_for_those_who_may_make_it(ids: dict[str, Any], who: str, address: str) -> None:
    data, table = POSTS[address]
    UserFactory(username="mara")  # the owner of what is started
    if address.endswith("/retry/"):
        end(Run.objects.get(pk=ids["run"]), "failed")
    browser = browser_of(who)
    before = everything()
    given = {name: str(value).format(**ids) if name == "user" else value for name, value in data.items()}
    answer = browser.post(address.format(**ids), given)
    assert answer.status_code == table[who]
    if table[who] == 403 or who == STRANGER:
        assert everything() == before, "nothing was changed"


@pytest.mark.parametrize("who", PEOPLE)
def test_runs_are_cancelled_in_bulk_by_those_who_may_cancel(ids: dict[str, Any], who: str) -> None:
    browser = browser_of(who)
    data = {"action": "cancel_selected", "_selected_action": str(ids["run"]), "confirmed": "yes"}
    browser.post(RUN, data, follow=who != STRANGER)
    run = Run.objects.get(pk=ids["run"])
    assert (run.cancel_requested_at is not None or run.ended) == (OPERATES[who] == 200)


@pytest.mark.parametrize("who", PEOPLE)
def test_only_who_may_change_provider_calls_has_a_provider_asked_again(who: str) -> None:
    breaker().cool("llm:offline", 600, "its quota is used up")
    browser = browser_of(who)
    said = browser.get(CALLS).content.decode()
    assert ("Ask offline again now" in said) == (OPERATES[who] == 200)
    browser.post(CALLS, {"key": "llm:offline"})
    left_alone = breaker().state(["llm:offline"])["llm:offline"]["state"] != "closed"
    assert left_alone == (OPERATES[who] != 200)


def test_staff_may_do_to_their_own_run_what_they_may_not_do_to_others() -> None:
    browser = member()
    own, other = RunFactory(user_id=int(browser.session["_auth_user_id"])), RunFactory()
    assert browser.get(f"{RUN}{own.pk}/cancel/").status_code == 200
    assert browser.get(f"{RUN}{other.pk}/cancel/").status_code == 403
    answer = browser.post(f"{RUN}{own.pk}/cancel/", {})
    assert answer["Location"] == "/admin/", "the run's page is not theirs to see"
    own.refresh_from_db()
    assert own.cancel_requested_at or own.ended


@pytest.mark.parametrize("who", [VIEWER, OPERATOR, UPLOADER, ADMINISTRATOR])
def test_a_run_that_is_not_there_is_the_same_for_all_who_may_look(who: str) -> None:
    browser = browser_of(who)
    assert browser.get(f"{RUN}{uuid4()}/cancel/").status_code == 404
    assert browser.get(f"{RUN}{uuid4()}/change/").status_code == 302


SECRETS = {"providercall": "dear-model", "job": "worker-seven", "episode": "What happened", "source": "A secret source"}


@pytest.mark.parametrize("who", [VIEWER, OPERATOR, UPLOADER, ADMINISTRATOR])
def test_a_runs_page_tells_an_uploader_nothing_of_calls_jobs_episodes_and_sources(
    ids: dict[str, Any], who: str
) -> None:
    run = Run.objects.get(pk=ids["run"])
    run.provider_calls.update(provider=SECRETS["providercall"], usd="0.25", outcome="ok")
    run.jobs.update(worker=SECRETS["job"])
    run.episodes.update(message=SECRETS["episode"])
    run.sources.update(title=SECRETS["source"], key="secret-key")
    page = browser_of(who).get(f"{RUN}{run.pk}/change/").content.decode()
    if who == UPLOADER:
        assert not [secret for secret in (*SECRETS.values(), "secret-key") if secret in page]
    else:
        assert SECRETS["episode"] in page


def everything() -> tuple[Any, ...]:
    from django.apps import apps
    from django.contrib.sessions.models import Session

    return tuple(
        (model.__name__, model._default_manager.count()) for model in apps.get_models() if model is not Session
    ) + tuple(Run.objects.values_list("title", "status", "priority", "limit_tokens", "cancel_requested_at"))


# A page's own links; what is only reached by a form is in the tables above.
LINK = re.compile(r'<a\b[^>]*?\bhref="([^"#][^"]*)"')
MOST = 400


def look(browser: Client, address: str) -> tuple[int, str]:
    """The status of a page, and its text if it is one."""
    answer = browser.get(address)
    if answer.streaming:
        assert b"".join(answer.streaming_content)
        return answer.status_code, ""
    return answer.status_code, answer.content.decode()


def closed_doors(browser: Client, *begin: str) -> list[str]:
    """`page -> link` for each link to a page that answers 403 or 404, of all pages that can be reached from here."""
    todo, seen, closed = [("", address) for address in begin], set(begin), []
    while todo and len(seen) < MOST:
        page, address = todo.pop(0)
        status, text = look(browser, address)
        if status in (403, 404):
            closed.append(f"{page} -> {address}")
        if status != 200 or "?" in address:
            continue
        for found in LINK.findall(text):
            link = html.unescape(found).partition("#")[0]
            if link.startswith("/admin/") and "/logout/" not in link and link not in seen:
                seen.add(link)
                todo.append((address, link))
    return closed


@pytest.mark.parametrize("who", [VIEWER, OPERATOR, UPLOADER, ADMINISTRATOR, NOBODY])
def test_no_link_leads_to_a_page_that_is_closed(ids: dict[str, Any], who: str) -> None:
    run = Run.objects.get(pk=ids["run"])
    RunFactory(forked_from=run, forked_from_checkpoint=run.checkpoints.get().checkpoint_id, title="A fork")
    breaker().cool("llm:offline", 600, "its quota is used up")
    assert closed_doors(browser_of(who), "/admin/") == []

"""What a browser is told it may do with our answers, and that our pages get along with it."""

from __future__ import annotations

import contextlib
from html.parser import HTMLParser

import pytest
from django.test import Client
from rest_framework.authtoken.models import Token

from autonomy.models import Checkpoint, Episode, Job, ProviderCall, Run, Source
from autonomy.tests.clients import client_of
from autonomy.tests.factories import RunFactory, UserFactory
from autonomy.tests.test_console import START, asked, run_with_rows

pytestmark = pytest.mark.django_db

NOTHING = {"default-src": "'none'", "base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'none'"}
DATA_TYPES = {"application/json", "application/ld+json", "text/template"}


def policy(answer) -> dict[str, str]:
    told = answer["Content-Security-Policy"].split("; ")
    return {name: sources for name, _, sources in (directive.partition(" ") for directive in told)}


class Inline(HTMLParser):
    """What the policy forbids on a page: scripts in its text, event attributes, addresses that are scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if tag == "script" and not given.get("src") and given.get("type") not in DATA_TYPES:
            self.found.append(f"{self.getpos()}: <script> without src")
        for name, value in attributes:
            if name.startswith("on"):
                self.found.append(f"{self.getpos()}: {name} on <{tag}>")
            if (value or "").strip().lower().startswith("javascript:"):
                self.found.append(f"{self.getpos()}: {name} of <{tag}> is a script")

    handle_startendtag = handle_starttag


def pages() -> list[str]:
    """Addresses of every kind of page of the console."""
    run = run_with_rows()
    key = Token.objects.create(user=run.user).user_id
    rows = [*(model.objects.get() for model in (Job, Episode, Checkpoint, Source, ProviderCall)), run]
    lists = [f"/admin/{row._meta.app_label}/{row._meta.model_name}/" for row in rows]
    details = [f"{one}{row.pk}/change/" for one, row in zip(lists, rows, strict=True)]
    more = ("cycle", "report", "submission")
    verbs = ("cancel", "raise-budget", "schedule", "priority")
    return [
        "/admin/",
        "/admin/password_change/",
        START,
        "/admin/autonomy/run/?status__exact=running&q=x",
        *lists,
        *details,
        *(f"/admin/turnitin/{name}/" for name in more),
        *(f"/admin/autonomy/run/{run.pk}/{verb}/" for verb in verbs),
        *(f"/admin/auth/user/{end}" for end in ("", "add/", f"{run.user_id}/change/", f"{run.user_id}/password/")),
        *(f"/admin/auth/user/{run.user_id}/{end}/" for end in ("delete", "history")),
        *(f"/admin/auth/group/{end}" for end in ("", "add/", "add/?_popup=1")),
        *(f"/admin/authtoken/tokenproxy/{end}" for end in ("", "add/", f"{key}/delete/")),
        "/admin/autonomy/providercall/providers/",
    ]


def test_a_page_may_use_the_consoles_own_files_and_nothing_else(boss: Client) -> None:
    for address in ("/admin/", START, "/admin/autonomy/run/"):
        assert policy(boss.get(address)) == NOTHING | {
            "script-src": "'self' 'unsafe-eval'",
            "style-src": "'self' 'unsafe-inline'",
            "img-src": "'self' data:",
            "font-src": "'self'",
            "connect-src": "'self'",
            "manifest-src": "'self'",
            "object-src": "'none'",
            "form-action": "'self'",
        }


def test_what_is_no_page_may_do_nothing(boss: Client, client: Client) -> None:
    run = RunFactory()
    api = client_of(run.user)
    assert policy(client.get("/health/live")) == NOTHING
    assert policy(client.get("/health/ready")) == NOTHING
    assert policy(boss.get("/metrics")) == NOTHING
    assert policy(client.get("/metrics")) == NOTHING
    assert policy(api.get(f"/api/v2/runs/{run.pk}")) == NOTHING
    assert policy(api.get("/api/v2/runs/nonsense")) == NOTHING
    assert policy(api.post("/api/v2/runs", {})) == NOTHING
    with contextlib.closing(client.get("/static/console/console.css")) as style:
        assert policy(style) == NOTHING


def test_who_is_sent_elsewhere_and_who_is_refused_get_a_policy_too(client: Client) -> None:
    for address in ("/", "/admin/", "/admin/login/", "/nowhere", "/admin/nowhere/"):
        assert policy(client.get(address))["default-src"] == "'none'"
    client.force_login(UserFactory(is_staff=True))
    assert policy(client.get("/admin/autonomy/run/"))["default-src"] == "'none'"


def test_no_page_holds_a_script_or_an_event_attribute(boss: Client) -> None:
    found: dict[str, list[str]] = {}
    for address in pages():
        answer = boss.get(address)
        assert answer.status_code == 200, address
        found[address] = Inline(answer.content.decode()).found
    assert found == {address: [] for address in found}


def test_forms_with_mistakes_hold_none_either(boss: Client, client: Client) -> None:
    answers = [
        boss.post(START, asked(topic="x", words="5")),
        boss.post(f"/admin/autonomy/run/{run_with_rows().pk}/raise-budget/", {"tokens": "-1"}),
        client.post("/admin/login/", {"username": "nobody", "password": "wrong"}),
        client.get("/admin/login/"),
        boss.post("/admin/logout/"),
    ]
    for answer in answers:
        assert answer.status_code == 200
        assert Inline(answer.content.decode()).found == []
    assert not Run.objects.filter(title="x").exists()


def test_the_parser_sees_what_it_must() -> None:
    for bad in ("<script>x()</script>", '<img src="x" onerror="x()">', '<a href=" JavaScript:x()">x</a>'):
        assert len(Inline(bad).found) == 1
    assert Inline('<script type="application/json">{}</script><script src="/x.js"></script>').found == []

"""The page that says how the configured providers are."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from autonomy.models import ProviderCall
from autonomy.providers.breaker import breaker
from autonomy.selectors import providers
from autonomy.selectors.providers import calls_of_a_day
from autonomy.tests.clients import staff
from autonomy.tests.factories import RunFactory
from config.language_models import LanguageModelSpec

pytestmark = pytest.mark.django_db
PAGE = "/admin/autonomy/providercall/providers/"


@pytest.fixture(autouse=True)
def configured(settings):
    specs = [
        LanguageModelSpec(kind="openai", name=name, base_url="http://127.0.0.1:1/v1", model=f"{name}-model")
        for name in ("first", "second")
    ]
    changed = {"autonomy_language_models": specs, "autonomy_search": ["crossref"]}
    settings.ENV = settings.ENV.model_copy(update=changed)


def call(run, provider, outcome, error="", usd=None, tokens=0, kind="llm"):
    return ProviderCall.objects.create(
        run=run, kind=kind, node="draft", provider=provider, attempt=1, outcome=outcome, error=error, usd=usd,
        tokens_in=tokens, estimated=outcome in ("pending", "lost"),
    )  # fmt: skip


def test_each_configured_provider_is_there_with_what_it_did_in_a_day():
    run = RunFactory()
    call(run, "first", "retryable", "HTTP 503: service unavailable")
    call(run, "first", "ok", usd=Decimal("0.25"), tokens=1200)
    call(run, "first", "pending", usd=Decimal(9), tokens=9)
    call(run, "second", "ok", tokens=40)
    page = staff("autonomy.view_providercall").get(PAGE).content.decode()
    told = calls_of_a_day()
    assert (told["llm:first"]["attempts"], told["llm:first"]["failed"], told["llm:first"]["tokens"]) == (3, 1, 1200)
    for text in ("first-model", "3 (1 failed)", "$0.25", "HTTP 503: service unavailable", "unknown price", "crossref"):
        assert text in page


def test_what_is_older_than_a_day_or_beyond_the_bound_is_not_counted(monkeypatch):
    from datetime import timedelta

    from django.utils import timezone

    run = RunFactory()
    old = call(run, "first", "ok")
    ProviderCall.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(hours=25))
    call(run, "second", "ok")
    call(run, "crossref", "ok", kind="search")
    assert set(calls_of_a_day()) == {"llm:second", "search:crossref"}
    monkeypatch.setattr(providers, "LOOKED_AT", 1)
    assert set(calls_of_a_day()) == {"search:crossref"}


def test_the_calls_of_a_day_are_found_by_an_index():
    with CaptureQueriesContext(
        connection,
    ) as asked:
        calls_of_a_day()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {asked[0]['sql']}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "provider_call_by_time" in plan or "Index Cond: (id >" in plan


def test_one_that_is_left_alone_says_why_and_is_asked_again_at_the_push_of_a_button():
    breaker().cool("llm:second", 600, "its quota is used up")
    browser = staff("autonomy.view_providercall", "autonomy.change_providercall")
    page = browser.get(PAGE).content.decode()
    assert "its quota is used up" in page
    assert "Ask second again now" in page
    assert "Ask first again now" not in page
    answer = browser.post(PAGE, {"key": "llm:second"}, follow=True)
    assert "second is asked again from now on." in answer.content.decode()
    assert breaker().state(["llm:second"])["llm:second"]["state"] == "closed"


def test_who_may_only_look_has_no_button_and_changes_nothing():
    breaker().cool("llm:second", 600, "its quota is used up")
    browser = staff("autonomy.view_providercall")
    assert "again now" not in browser.get(PAGE).content.decode()
    browser.post(PAGE, {"key": "llm:second"})
    assert breaker().state(["llm:second"])["llm:second"]["state"] == "open"


@pytest.mark.parametrize("method", ["get", "post"])
def test_who_may_not_see_provider_calls_sees_no_providers(method):
    assert getattr(staff("autonomy.view_run"), method)(PAGE, {"key": "llm:second"}).status_code == 403


def test_a_provider_that_is_not_configured_cannot_be_asked():
    answer = staff("autonomy.view_providercall", "autonomy.change_providercall").post(
        PAGE, {"key": "llm:x"}, follow=True
    )
    assert "No provider of that name is configured any more." in answer.content.decode()

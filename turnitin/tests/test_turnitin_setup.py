"""`manage.py turnitin_setup` tells what is ready and what is not, mends what it may, and can be run again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pydantic import SecretStr

from autonomy.tests.factories import RunFactory
from turnitin.core_api import licences
from turnitin.core_api.setup import EVENT_TYPES
from turnitin.models import Cycle, Licence, Submission
from turnitin.stage import Reply, TurnitinStage, Webhook

pytestmark = pytest.mark.django_db

KEY = "tca-sample-key"
SECRET = "c2FtcGxlIHNlY3JldCBvZiAzMiBieXRlcywgeWVzISE="
OTHER_SECRET = "b3RoZXIgc2VjcmV0IG9mIDMyIGJ5dGVzLCBubyEhISE="
HOOK = "https://autonomy.example.org/api/v2/turnitin/webhook"
READY = "Ready: documents are handed in through the Core API."


@pytest.fixture
def stage() -> Iterator[TurnitinStage]:
    with TurnitinStage(key=KEY) as stage:
        yield stage


@pytest.fixture(autouse=True)
def _configured(stage: TurnitinStage, env: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autonomy.providers.retry.BASE_SECONDS", 0.01)
    env(
        turnitin_mode="core_api",
        turnitin_base_url=stage.base_url,
        turnitin_api_key=SecretStr(KEY),
        turnitin_repositories=["INTERNET", "PUBLICATION"],
        turnitin_webhook_url=HOOK,
        turnitin_webhook_secret=SecretStr(SECRET),
    )


def setup(*options: str) -> str:
    told = StringIO()
    call_command("turnitin_setup", *options, stdout=told, no_color=True)
    assert_silent(told.getvalue())
    return told.getvalue()


def refused(*options: str) -> tuple[str, str]:
    """What is told on the way, and what stands in the way."""
    told = StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("turnitin_setup", *options, stdout=told, no_color=True)
    assert caught.value.returncode == 1
    assert READY not in told.getvalue()
    assert_silent(told.getvalue() + str(caught.value))
    return told.getvalue(), str(caught.value)


def assert_silent(said: str) -> None:
    assert all(secret not in said for secret in (KEY, SECRET, OTHER_SECRET))


def hooks(stage: TurnitinStage) -> list[Webhook]:
    return list(stage.webhooks.registered.values())


def calls(stage: TurnitinStage) -> list[str]:
    return [f"{request.method} {request.path}" for request in stage.requests]


# --- all in order ---


def test_a_new_installation_is_made_ready(stage):
    told = setup()
    (hook,) = hooks(stage)
    assert (hook.url, hook.event_types, hook.signing_secret) == (HOOK, EVENT_TYPES, SECRET)
    assert told.splitlines() == [
        f"Key: accepted at {stage.base_url}.",
        "Repositories: documents are compared with INTERNET, PUBLICATION.",
        "Repositories: not used are SUBMITTED_WORK, CROSSREF, CROSSREF_POSTED_CONTENT, which the tenant has too.",
        "Licence: this tenant requires none to be accepted.",
        f"Webhook: {HOOK} is registered, its id is {hook.id}.",
        READY,
    ]


def test_a_second_run_changes_nothing(stage):
    stage.require_eula("v1beta")
    setup("--accept-licence", "v1beta", "--as", "Mara")
    before, rows = hooks(stage), list(Licence.objects.values())
    stage.requests.clear()
    assert f"registered already, its id is {before[0].id}" in setup()
    setup("--accept-licence", "v1beta", "--as", "Somebody else")
    assert (hooks(stage), list(Licence.objects.values())) == (before, rows)
    assert {call.split()[0] for call in calls(stage)} == {"GET"}


# --- the mode and the key ---


def test_in_the_manual_mode_it_says_what_to_set(stage, env):
    env(turnitin_mode="manual")
    _, obstacle = refused()
    assert "TURNITIN_MODE is manual" in obstacle
    assert "TURNITIN_MODE=core_api, TURNITIN_BASE_URL and TURNITIN_API_KEY" in obstacle
    assert stage.requests == []


def test_a_key_that_is_refused_is_named_and_nothing_else_is_asked(stage, env):
    env(turnitin_api_key=SecretStr(f"{KEY}-of-another"))
    told, obstacle = refused()
    assert "TURNITIN_API_KEY: Turnitin refuses it" in obstacle
    assert told == ""
    assert calls(stage) == ["GET /features-enabled"]


def test_an_address_where_there_is_no_core_api_is_told(stage, env):
    env(turnitin_base_url=stage.base_url.replace("/v1", "/v7"))
    assert "TURNITIN_BASE_URL is wrong" in refused()[1]


def test_a_host_that_does_not_answer_is_told_after_some_attempts(env):
    env(turnitin_base_url="http://127.0.0.1:1/api/v1")
    told, obstacle = refused()
    assert told.count("no connection") == 2
    assert "no connection" in obstacle
    assert "Is TURNITIN_BASE_URL right? Try again later." in obstacle


def test_a_busy_turnitin_is_asked_again(stage):
    stage.fail("GET /features-enabled", 429, 503)
    told = setup()
    assert "(the features: HTTP 429: too many requests; once more in " in told
    assert READY in told


def test_a_turnitin_that_wants_to_be_left_alone_for_long_is_left_alone(stage):
    stage.fail("GET /features-enabled", Reply.json(429, {}, {"Retry-After": "600"}))
    assert "HTTP 429: too many requests" in refused()[1]
    assert len(stage.requests) == 1


def test_an_answer_that_cannot_be_used_is_told(stage):
    stage.fail("GET /features-enabled", "garbage")
    assert "the features could not be had (Turnitin's answer cannot be used: it is no JSON)" in refused()[1]


# --- repositories ---


def test_a_repository_that_the_tenant_lacks_is_left_out(stage):
    has = {"similarity": {"generation_settings": {"search_repositories": ["INTERNET"]}}}
    stage.fail("GET /features-enabled", Reply.json(200, has))
    told = setup()
    assert "this tenant does not have PUBLICATION; left out." in told
    assert "compared with INTERNET." in told


def test_without_any_repository_nothing_can_be_compared_and_the_rest_is_still_looked_at(stage, env):
    env(turnitin_repositories=["CROSSREF"])
    has = {"similarity": {"generation_settings": {"search_repositories": ["INTERNET"]}}}
    stage.fail("GET /features-enabled", Reply.json(200, has))
    told, obstacle = refused()
    assert "TURNITIN_REPOSITORIES: the tenant has none of those that are named. It has INTERNET." in obstacle
    assert "is registered" in told


# --- the licence ---


def test_a_licence_that_nobody_accepted_stands_in_the_way_and_says_how_to_accept_it(stage):
    stage.require_eula("v1beta")
    told, obstacle = refused()
    assert "the newest version is v1beta, to be read at https://static.example.org/eula/v1beta/en-US/eula.html" in told
    assert 'manage.py turnitin_setup --accept-licence v1beta --as "your name"' in obstacle
    assert len(hooks(stage)) == 1
    assert licences.accepted() is None


def test_a_licence_is_accepted_by_somebody(stage):
    stage.require_eula("v1beta")
    assert "by Mara of the library." in setup("--accept-licence", "v1beta", "--as", "Mara of the library")
    licence = licences.accepted()
    assert (licence.version, licence.language, licence.accepted_by) == ("v1beta", "en-US", "Mara of the library")
    acceptance = licences.acceptance_for("autonomy-7")
    assert (acceptance.version, acceptance.user_id, acceptance.accepted_at) == (
        "v1beta",
        "autonomy-7",
        licence.accepted_at,
    )


@pytest.mark.parametrize(
    "options", [("--accept-licence", "v1beta"), ("--as", "Mara"), ("--accept-licence", "v1", "--as", " ")]
)
def test_nobody_accepts_nothing_and_nothing_is_accepted_by_nobody(stage, options):
    assert "A licence is accepted by somebody" in refused(*options)[1]
    assert not Licence.objects.exists()


def test_only_the_newest_version_can_be_accepted(stage):
    stage.require_eula("v2")
    assert "'v1' is not the newest version. Read v2, which is" in refused("--accept-licence", "v1", "--as", "Mara")[1]
    assert not Licence.objects.exists()


def test_a_newer_version_has_to_be_accepted_again(stage):
    stage.require_eula("v1")
    setup("--accept-licence", "v1", "--as", "Mara")
    stage.require_eula("v2")
    assert "version v2 is not accepted here (v1 was, by Mara)" in refused()[1]
    setup("--accept-licence", "v2", "--as", "Ines")
    assert licences.accepted().version == "v2"
    assert Licence.objects.count() == 2


def test_where_none_is_required_none_is_recorded(stage):
    assert "requires none" in setup("--accept-licence", "v1beta", "--as", "Mara")
    assert not Licence.objects.exists()


def test_submissions_that_wait_for_the_licence_go_on_when_it_is_accepted():
    later = timezone.now() + timedelta(hours=1)

    def waiting(**given: object) -> Submission:
        run = RunFactory()
        cycle = Cycle.objects.create(run=run, number=1, target_similarity=run.target_similarity)
        return Submission.objects.create(cycle=cycle, due_at=later, **given)

    stopped = waiting(trouble="The licence is not accepted.")
    untroubled = waiting()
    further = waiting(trouble="It broke.", state="processing", turnitin_id="a1")
    licences.accept("v1", "en-US", "Mara")
    for submission in (stopped, untroubled, further):
        submission.refresh_from_db()
    assert stopped.due_at <= timezone.now()
    assert untroubled.due_at == further.due_at == later
    Submission.objects.filter(pk=stopped.pk).update(due_at=later)
    licences.accept("v1", "en-US", "Mara")
    stopped.refresh_from_db()
    assert stopped.due_at == later


# --- the webhook ---


def test_without_an_address_it_says_that_it_only_asks(stage, env):
    env(turnitin_webhook_url=None, turnitin_webhook_secret=None, turnitin_poll_seconds=600)
    told = setup()
    assert "TURNITIN_WEBHOOK_URL is not set, so Turnitin is only asked, every 600 seconds." in told
    assert hooks(stage) == []
    assert calls(stage) == ["GET /features-enabled"]


def test_a_webhook_of_another_installation_is_left_alone(stage):
    other = Webhook("https://other.example.org/hook", EVENT_TYPES, SECRET)
    stage.webhooks.registered[other.id] = other
    setup()
    setup("--renew-webhook")
    assert other in hooks(stage)
    assert len(hooks(stage)) == 2


def test_a_renewed_webhook_has_the_new_secret_and_another_id(stage, env):
    setup()
    (old,) = hooks(stage)
    env(turnitin_webhook_secret=SecretStr(OTHER_SECRET))
    told = setup("--renew-webhook")
    (new,) = hooks(stage)
    assert (new.signing_secret, new.id != old.id) == (OTHER_SECRET, True)
    assert f"{old.id} is deleted." in told
    assert f"its id is {new.id}." in told


def test_a_webhook_for_other_events_has_to_be_renewed(stage):
    old = Webhook(HOOK, ("SUBMISSION_COMPLETE",), SECRET)
    stage.webhooks.registered[old.id] = old
    obstacle = refused()[1]
    assert "not for SIMILARITY_COMPLETE, SIMILARITY_UPDATED, PDF_STATUS" in obstacle
    assert "manage.py turnitin_setup --renew-webhook" in obstacle
    setup("--renew-webhook")
    assert hooks(stage)[0].event_types == EVENT_TYPES


def test_an_address_that_turnitin_knows_already_is_no_failure(stage):
    """As when the list was empty a moment ago, or another process was quicker."""
    setup()
    (hook,) = hooks(stage)
    stage.fail("GET /webhooks", Reply.json(200, []))
    assert f"registered already, its id is {hook.id}." in setup()
    stage.fail("GET /webhooks", Reply.json(200, []), Reply.json(200, []))
    assert "registered already, under an id that Turnitin does not list." in setup()
    stage.fail("GET /webhooks", Reply.json(200, []), Reply.json(200, []))
    assert "cannot be renewed" in refused("--renew-webhook")[1]


def test_a_webhook_whose_registration_was_not_answered_is_not_registered_twice(stage):
    stage.fail("POST /webhooks", "drop")
    told = setup()
    (hook,) = hooks(stage)
    assert f"registered already, its id is {hook.id}." in told


def test_a_webhook_whose_deletion_was_not_answered_is_renewed_all_the_same(stage):
    setup()
    stage.fail("DELETE /webhooks/{id}", "drop")
    setup("--renew-webhook")
    assert len(hooks(stage)) == 1


def test_each_thing_in_the_way_is_told_at_once(stage):
    stage.require_eula("v1beta")
    stage.fail("GET /webhooks", 400)
    obstacle = refused()[1]
    assert "Licence: version v1beta is not accepted here." in obstacle
    assert "the webhooks could not be had (HTTP 400: " in obstacle

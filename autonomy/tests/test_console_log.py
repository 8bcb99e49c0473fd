"""Whatever is changed in the console is in the admin's log: who, what, in words. Of a run it is an episode too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.auth.models import Group, User
from django.test import Client
from rest_framework.authtoken.models import Token

from autonomy.models import Episode, Run
from autonomy.providers.breaker import breaker
from autonomy.tests.clients import client_of
from autonomy.tests.factories import UserFactory
from autonomy.tests.test_console import START, asked
from autonomy.tests.test_console_verbs import LIST, POSTED, address, ready_for

pytestmark = pytest.mark.django_db

Start = Callable[..., Run]
SPOKEN = {
    "cancel": ("Asked to cancel.", "cancel_requested"),
    "retry": ("Retried.", "run_retried"),
    "raise-budget": ("Raised the limits.", "budget_raised"),
    "fork": ("Forked.", "run_forked"),
    "schedule": ("Scheduled.", "run_scheduled"),
    "priority": ("Changed the priority.", "priority_changed"),
}


def entries(of: User) -> list[tuple[int, str, str, str]]:
    """`(what, model, object, words)`, the oldest first; nobody else has left any."""
    found = LogEntry.objects.order_by("pk").select_related("content_type")
    assert {entry.user_id for entry in found} == {of.pk}
    return [(one.action_flag, one.content_type.model, one.object_repr, one.get_change_message()) for one in found]


def told_by(actor: User) -> list[str]:
    return list(Episode.objects.filter(actor=actor).order_by("pk").values_list("kind", flat=True))


def test_a_start(boss: Client, superuser: User) -> None:
    boss.post(START, asked(title="Seas"))
    assert entries(superuser) == [(ADDITION, "run", "Seas", "Started from the console.")]
    assert told_by(superuser) == ["run_queued"]


@pytest.mark.parametrize("verb", [verb for verb in POSTED if verb != "fork"])
def test_a_verb(boss: Client, superuser: User, start: Start, verb: str) -> None:
    run = ready_for(verb, start())
    words, kind = SPOKEN[verb]
    boss.post(address(run, verb), POSTED[verb])
    assert entries(superuser) == [(CHANGE, "run", run.title, words)]
    assert LogEntry.objects.get().object_id == str(run.pk)
    assert kind in told_by(superuser)


def test_a_fork_on_both_runs(boss: Client, superuser: User, start: Start) -> None:
    run = start()
    boss.post(address(run, "fork"), POSTED["fork"])
    fork = Run.objects.get(forked_from=run)
    assert dict(LogEntry.objects.values_list("object_id", "action_flag")) == {
        str(run.pk): CHANGE,
        str(fork.pk): ADDITION,
    }
    assert "Forked." in {words for *_, words in entries(superuser)}
    assert Episode.objects.filter(run=fork, actor=superuser).exists()


@pytest.mark.parametrize(("action", "verb"), [("cancel_selected", "cancel"), ("retry_selected", "retry")])
def test_each_run_of_many(boss: Client, superuser: User, start: Start, action: str, verb: str) -> None:
    runs = [ready_for(verb, start()) for _ in range(2)]
    boss.post(LIST, {"action": action, "_selected_action": [str(run.pk) for run in runs], "confirmed": "yes"})
    words, kind = SPOKEN[verb]
    assert entries(superuser) == [(CHANGE, "run", "Sea walls", words)] * 2
    assert told_by(superuser).count(kind) == 2


def test_a_provider_that_is_asked_again(boss: Client, superuser: User) -> None:
    breaker().cool("llm:offline", 600, "its quota is used up")
    boss.post("/admin/autonomy/providercall/providers/", {"key": "llm:offline"})
    assert entries(superuser) == [(CHANGE, "providercall", "offline", "Had llm:offline asked again.")]
    boss.post("/admin/autonomy/providercall/providers/", {"key": "llm:nobody"})
    assert len(entries(superuser)) == 1, "what was refused is no change"
    assert boss.get("/admin/").status_code == 200, "its list of recent actions shows it, without a link"


def test_accounts_groups_and_rights(boss: Client, superuser: User) -> None:
    password = {"password1": "a-long-enough-one", "password2": "a-long-enough-one", "usable_password": "true"}
    boss.post("/admin/auth/user/add/", {"username": "eva", **password})
    eva = User.objects.get(username="eva")
    boss.post(f"/admin/auth/user/{eva.pk}/password/", password)
    boss.post("/admin/auth/group/add/", {"name": "Readers"})
    readers = Group.objects.get(name="Readers")
    boss.post(f"/admin/auth/group/{readers.pk}/change/", {"name": "Librarians"})
    boss.post(f"/admin/auth/group/{readers.pk}/delete/", {"post": "yes"})
    boss.post(f"/admin/auth/user/{eva.pk}/delete/", {"post": "yes"})
    found = [(what, model, named) for what, model, named, _ in entries(superuser)]
    assert found == [
        (ADDITION, "user", "eva"),
        (CHANGE, "user", "eva"),
        (ADDITION, "group", "Readers"),
        (CHANGE, "group", "Librarians"),
        (DELETION, "group", "Librarians"),
        (DELETION, "user", "eva"),
    ]


def test_somebody_who_is_given_a_group_and_the_right_to_log_in(boss: Client, superuser: User) -> None:
    eva, group = UserFactory(username="eva"), Group.objects.create(name="Readers")
    form = boss.get(f"/admin/auth/user/{eva.pk}/change/").context["adminform"].form
    given = {name: value for name, value in form.initial.items() if isinstance(value, str)}
    data = {**given, "is_active": "on", "is_staff": "on", "groups": [group.pk]}
    joined = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    boss.post(f"/admin/auth/user/{eva.pk}/change/", data | joined)
    eva.refresh_from_db()
    assert eva.is_staff
    (_, model, named, words), *_ = entries(superuser)
    assert (model, named) == ("user", "eva")
    assert "Staff status" in words
    assert "Groups" in words


def test_a_token_without_its_key(boss: Client, superuser: User) -> None:
    eva = UserFactory(username="eva")
    boss.post("/admin/authtoken/tokenproxy/add/", {"user": eva.pk})
    key = Token.objects.get().key
    boss.post(f"/admin/authtoken/tokenproxy/{eva.pk}/delete/", {"post": "yes"})
    assert entries(superuser) == [
        (CHANGE, "user", "eva", "An API token was made."),
        (CHANGE, "user", "eva", "The API token was deleted."),
    ]
    assert not LogEntry.objects.filter(change_message__contains=key).exists()


def test_what_the_api_changes_is_in_the_episodes_alone(start: Start) -> None:
    run = start()
    answer: Any = client_of(run.user).post(f"/api/v2/runs/{run.pk}/cancel", {})
    assert answer.status_code < 300
    assert "cancel_requested" in told_by(run.user)
    assert not LogEntry.objects.exists()
